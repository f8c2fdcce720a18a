import shutil
import subprocess

import pytest

from keras_charrnn.cli import main
from keras_charrnn.cli.completion import SHELLS
from keras_charrnn.cli.main import COMMANDS


@pytest.fixture
def script(capsys):
    def make(shell):
        assert main(["completion", shell]) == 0
        return capsys.readouterr().out

    return make


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash on this machine")
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ev"], ["evaluate"]),
        (["s"], ["sample", "score"]),
        (["evaluate", "run", "--pro"], ["--protocol"]),
        (["evaluate", "--protocol", ""], ["carried", "windows"]),
        (["evaluate", "--split", "v"], ["validation"]),
        (["train", "--q"], ["--quiet"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["train", "rec"], []),  # files, by bash itself
        (["nonsense", "--x"], []),
    ],
)
def test_bash_offers_what_the_parser_has(script, words, offered):
    command = 'COMP_WORDS=(keras-charrnn "$@"); COMP_CWORD=$#; _keras_charrnn; printf "%s\\n" "${COMPREPLY[@]}"'
    done = subprocess.run(
        ["bash", "-c", f"{script('bash')}\n{command}", "bash", *words], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == offered and done.stderr == ""


@pytest.mark.parametrize("shell", SHELLS)
def test_every_command_is_in_each_script_which_the_shell_can_read(script, shell):
    text = script(shell)
    assert all(name in text for name in (*COMMANDS, "protocol", "carried", "top-k"))
    if shutil.which(shell):
        done = subprocess.run([shell, "-n"], input=text, capture_output=True, text=True)
        assert done.returncode == 0 and done.stderr == ""


def test_another_shell_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["completion", "csh"])
    assert "invalid choice: 'csh'" in capsys.readouterr().err
