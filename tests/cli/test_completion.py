import os
import pathlib
import pty
import select
import shutil
import signal
import subprocess
import time

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
        (["s"], ["sample", "score", "serve"]),
        (["evaluate", "run", "--pro"], ["--protocol"]),
        (["evaluate", "--protocol", ""], ["carried", "windows"]),
        (["evaluate", "--split", "v"], ["validation"]),
        (["train", "--q"], ["--quiet"]),
        (["train", "--s"], ["--set", "--seeds"]),
        (["train", "--in"], []),  # an option for the program itself
        (["score", "--dy"], ["--dynamic", "--dynamic-rate", "--dynamic-decay"]),
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


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish on this machine")
@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("ev", ["evaluate"]),
        ("evaluate --pro", ["--protocol"]),
        ("evaluate --protocol ", ["carried", "windows"]),
        ("completion ", ["bash", "fish", "zsh"]),
    ],
)
def test_fish_offers_what_the_parser_has(script, line, offered):
    command = f"{script('fish')}\ncomplete -C 'keras-charrnn {line}'"
    done = subprocess.run(["fish", "--no-config", "-c", command], capture_output=True, text=True, check=True)
    assert [each.split("\t")[0] for each in done.stdout.splitlines()] == offered and done.stderr == ""


@pytest.mark.skipif(shutil.which("zsh") is None, reason="there is no zsh on this machine")
@pytest.mark.parametrize(
    ("typed", "shown"),
    [("ev", "keras-charrnn evaluate "), ("evaluate --protocol c", "carried "), ("export --format on", "onnx ")],
)
def test_zsh_offers_what_the_parser_has(script, typed, shown):
    pathlib.Path("script").write_text(script("zsh"))
    shell, terminal = pty.fork()
    if shell == 0:
        os.execvpe("zsh", ["zsh", "-f", "-i"], {**os.environ, "TERM": "dumb", "PS1": "% "})
    seen = ""

    def wait_for(text):
        nonlocal seen
        end = time.monotonic() + 20
        while text not in seen and time.monotonic() < end:
            if select.select([terminal], [], [], 0.1)[0]:
                seen += os.read(terminal, 4096).decode(errors="replace")
        assert text in seen
        seen = ""

    try:
        os.write(terminal, b"autoload -U compinit; compinit -u -D; source ./script; print rea''dy\n")
        wait_for("ready")
        os.write(terminal, f"keras-charrnn {typed}\t".encode())
        wait_for(shown)
    finally:
        os.kill(shell, signal.SIGKILL)
        os.waitpid(shell, 0)
        os.close(terminal)


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
