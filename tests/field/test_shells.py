"""Command lines: those that are printed can be pasted, and those that are typed are taken as they are meant."""

import io
import pathlib
import re
import shlex
import subprocess

import pytest
import rich.console
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.cli.main import make_parser
from keras_charrnn.common.shell import command, command_line, quote
from keras_charrnn.errors import RunError, SettingsError
from keras_charrnn.runs import RunFolder
from keras_charrnn.studies.tuning.results import Search
from keras_charrnn.studies.tuning.tuning import _conclusion
from keras_charrnn.training.telling import conclude

NAMES = [
    "runs",
    "my runs",
    "it's",
    'a"b',
    "$HOME `id`",
    "-runs",
    "--help",
    "écrits 床",
    "a;b&c|d",
    "*",
    "~",
    "#a",
    "a\\b",
]
STRANGE = ["line\nend", "\x1b[31m", "tab\t", "no\udcff utf-8", "\u202eright", "'\x07'", "nul-less \x7f\\"]
WORDS = st.text(st.characters(exclude_categories=(), exclude_characters="\0")).filter(lambda text: _is_a_name(text))


def _is_a_name(text):
    """Whether a system could hand out a word: bytes that are no UTF-8 are surrogates, which the others are not."""
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "surrogateescape") == text
    except UnicodeEncodeError:
        return False


def paste(line):
    """Return the words that bash makes of a line, without the first."""
    done = subprocess.run(["bash", "-c", f"keras-charrnn() {{ printf '%s\\0' \"$@\"; }}\n{line}"], capture_output=True)
    assert done.stderr == b""
    return done.stdout.decode("utf-8", "surrogateescape").split("\0")[:-1]


@given(st.lists(WORDS, min_size=1, max_size=5))
def test_a_command_line_gives_its_words_back_and_steers_no_terminal(words):
    line = command(*words)
    assert line.isprintable()
    assert paste(line) == words
    if all(map(str.isprintable, words)):
        assert shlex.split(line) == ["keras-charrnn", *words]


@pytest.mark.parametrize("name", [*NAMES, *STRANGE])
def test_a_path_is_never_taken_for_an_option(name):
    (word,) = paste(command(pathlib.Path(name)))
    assert pathlib.Path(word) == pathlib.Path(name) and not word.startswith("-")
    options = make_parser().parse_args(["resume", word])
    assert pathlib.Path(options.run_folder) == pathlib.Path(name)


def test_an_ordinary_word_has_no_quotes():
    assert (
        command("resume", pathlib.Path("runs/my-001"), "--minutes", "5")
        == "keras-charrnn resume runs/my-001 --minutes 5"
    )
    assert [quote("-a"), quote(pathlib.Path("-a")), quote("a b")] == ["-a", "./-a", "'a b'"]


def printed(text):
    """Return the commands in a text as they would be pasted: each on a line of its own."""
    lines = [line for line in text.splitlines() if "keras-charrnn " in line]
    assert all(line.startswith("    keras-charrnn ") for line in lines)
    return [paste(line) for line in lines]


@pytest.mark.parametrize("name", ["my runs", "-it's $HOME", "--help"])
def test_what_is_printed_can_be_pasted(name, trained, tiny, capsys):
    folder = pathlib.Path(name)
    file = io.StringIO()
    conclude(rich.console.Console(file=file), keras_charrnn.runs.Run(trained.folder, trained.history))
    assert printed(file.getvalue()) == [["sample", str(trained.folder)]]
    folder.mkdir()
    (folder / "recipe.yaml").touch()
    with pytest.raises(RunError) as error:
        RunFolder.create(name, "a")
    assert printed(str(error.value)) == [["resume", quote_free(folder)]]
    lines = _conclusion(Search(folder, {"recipe": {"tune": {}}}), 2.5)
    assert printed("\n".join(lines)) == [["tune", quote_free(folder), "--minutes", "2.5"]]
    (folder / "tune.json").touch()
    with pytest.raises(SettingsError) as error:
        keras_charrnn.tune(tiny, 2, output=name)
    assert printed(str(error.value)) == [["tune", quote_free(folder), "--minutes", "2"]]


def quote_free(path):
    return f"./{path}" if str(path).startswith("-") else str(path)


def test_a_command_to_paste_is_a_line_that_no_screen_wraps():
    assert command_line("sample", "a b") == "    keras-charrnn sample 'a b'"


VALUES = [
    (["sample", "a", "--prefix", "-->"], "prefix", "-->"),
    (["sample", "a", "--prefix", "-"], "prefix", "-"),
    (["sample", "--prefix", "-1", "a"], "prefix", "-1"),
    (["sample", "--stop", "---", "a", "--length", "3"], "stop", ["---"]),
    (["sample", "a", "--prefix", "--length of it"], "prefix", "--length of it"),
    (["sample", "a", "--prefix=--length"], "prefix", "--length"),
    (["sample", "a", "--prefix", "--lengthy"], "prefix", "--lengthy"),
    (["sample", "--length", "3", "--", "-a"], "path", "-a"),
    (["sample", "a", "--temperature", "-1"], "temperature", -1.0),
    (["sample", "a", "--plugin", "-a.py", "--plugin", "-b.py"], "plugin", ["-a.py", "-b.py"]),
    (["train", "a", "--name", "-a", "--quiet"], "name", "-a"),
    (["train", "a", "--runs", "-r"], "runs", "-r"),
    (["compare", "a", "--cells", "-x"], "cells", "-x"),
    (["new", "a", "--output", "-a.yaml"], "output", "-a.yaml"),
    (["write", "a", "--text", "-a.txt"], "text", "-a.txt"),
]


@pytest.mark.parametrize(("arguments", "name", "value"), VALUES, ids=lambda value: str(value)[:30])
def test_the_value_of_an_option_may_begin_with_a_dash(arguments, name, value):
    assert getattr(make_parser().parse_args(arguments), name) == value


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["sample", "a", "--prefix", "--length"],
            "argument --prefix: --length is an option; as the value of --prefix, ",
        ),
        (["sample", "a", "--stop", "-h"], "write --stop=-h"),
        (["sample", "a", "--prefix", "--length=3"], "write --prefix=--length=3"),
        (["sample", "a", "--prefix", "--"], "argument --prefix: expected one argument, not --"),
        (["sample", "a", "--prefix"], "argument --prefix: expected one argument"),
        (["sample", "a", "--length", "-many"], "argument --length: invalid int value: '-many'"),
    ],
)
def test_an_option_in_the_place_of_a_value_is_told_how_to_be_one(arguments, message, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    err = capsys.readouterr().err
    assert message in err and re.match("usage: keras-charrnn sample ", err)
