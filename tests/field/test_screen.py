"""What a screen, a pipe or a file gets: any text in any encoding, as it was made, and messages that wrap at words."""

import contextlib
import io
import os
import pathlib
import re
import sys

import pytest
import rich.console
import rich.table
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common.progress import progress
from keras_charrnn.common.screen import Screen, beginning, cell, say, show, visible
from keras_charrnn.recipe import describe_keys
from keras_charrnn.text import corpora
from keras_charrnn.training.parts import make_samples

ENCODINGS = ("ascii", "cp1252", "latin-1", "gbk", "utf-8")
# What Rich would change, what would steer a terminal, and characters that most encodings lack.
TRICKY = "床前 :smile: [bold]x[/bold] a\tb \x1b[31mred\x1b]0;title\x07 \\[dim] \x9b2J é"


class Stream(io.TextIOWrapper):
    """Standard output of an encoding, a terminal or not."""

    def __init__(self, encoding, terminal=False, errors="strict"):
        super().__init__(io.BytesIO(), encoding=encoding, errors=errors, newline="")
        self._terminal = terminal

    def isatty(self):
        return self._terminal

    def text(self):
        self.flush()
        return self.buffer.getvalue().decode(self.encoding, "surrogatepass" if self.encoding == "utf-8" else "strict")


@contextlib.contextmanager
def standard_output(encoding="utf-8", terminal=False, columns=60, errors="strict"):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdout", Stream(encoding, terminal, errors))
        patch.setenv("COLUMNS", str(columns))
        patch.setenv("NO_COLOR", "1")
        yield sys.stdout


def unstyled(text):
    return re.sub(r"\x1b\[[012]m", "", text)


def encodable(text, encoding):
    return text.encode(encoding, "replace").decode(encoding)


@given(text=st.text(st.characters(exclude_categories=())), encoding=st.sampled_from(ENCODINGS), terminal=st.booleans())
def test_any_text_is_shown_in_any_encoding(text, encoding, terminal):
    with standard_output(encoding, terminal) as stream:
        show(Screen(), text)
    wanted = visible(text) if terminal else text
    assert stream.text() == encodable(wanted, encoding) + "\n"
    if terminal:
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", stream.text())


@given(text=st.text(), encoding=st.sampled_from(ENCODINGS), terminal=st.booleans(), width=st.integers(1, 50))
def test_any_message_is_said_with_all_its_words_and_steers_no_terminal(text, encoding, terminal, width):
    with standard_output(encoding, terminal, width) as stream:
        say(Screen(), text)
    assert stream.text().split() == encodable(visible(text), encoding).split()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", stream.text())
    if not terminal:
        assert stream.text() == encodable(visible(text), encoding) + "\n"


@pytest.mark.parametrize(
    ("encoding", "errors", "shown"),
    [
        ("cp1252", "strict", "?? é"),
        ("ascii", "surrogateescape", "?? ?"),
        ("ascii", "backslashreplace", r"\u5e8a\u524d \xe9"),
        ("gbk", "strict", "床前 é"),
        ("utf-8", "strict", "床前 é"),
    ],
)
def test_what_an_encoding_lacks_is_replaced_and_the_users_own_way_kept(encoding, errors, shown):
    with standard_output(encoding, errors=errors) as stream:
        show(Screen(), "床前 é")
    assert stream.text() == shown + "\n"
    with standard_output(encoding, errors=errors) as stream:
        assert main(["check"]) == 0  # tables
        print("床前 é")
    assert stream.text().endswith(shown + "\n") and "training.epochs" in stream.text()


@pytest.mark.parametrize("terminal", [False, True])
def test_a_console_of_somebody_else_shows_text_as_it_is_too(terminal):
    file = Stream("utf-8", terminal)
    show(rich.console.Console(file=file, width=20), TRICKY)
    assert file.text() == (visible(TRICKY) if terminal else TRICKY) + "\n"


def test_tables_and_styles_show_text_as_it_is():
    with standard_output(terminal=True) as stream:
        console = Screen()
        console.print(cell(":smile: [bold]x[/bold] \x1b[1m"), soft_wrap=True)
        show(console, "one\n:cat:", "bold", end="|")
    assert unstyled(stream.text()) == ":smile: [bold]x[/bold] ␛[1m\none\n:cat:|" != stream.text()


def test_a_narrow_table_leaves_nothing_of_a_path_out():
    table = rich.table.Table()
    table.add_row(cell("/a/path/that-is/longer/than/its-column"), "1234")
    with standard_output(columns=20) as stream:
        Screen().print(table)
    rows = re.findall("│ (.*?) +│", stream.text())
    assert "".join(rows) == "/a/path/that-is/longer/than/its-column"


def test_the_keys_of_a_recipe_are_whole_in_their_table():
    with standard_output(columns=40) as stream:
        assert main(["check"]) == 0
    assert {path for path, *_ in describe_keys()} <= set(stream.text().split())


@pytest.mark.parametrize("arguments", [["check"], ["corpora"], ["--version"]])
def test_closed_outputs_are_nowhere(arguments, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    with contextlib.suppress(SystemExit):  # of --version
        assert main(arguments) == 0
    assert [sys.stdout.name, sys.stderr.name] == [os.devnull] * 2
    sys.stdout.close()
    sys.stderr.close()


def test_a_full_disk_beneath_the_output_is_told(monkeypatch, capfd):
    with pathlib.Path("/dev/full").open("w") as full, pytest.raises(OSError, match="No space left"):
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["corpora"]) == 1
        full.close()  # with what it still holds
    message = "keras-charrnn: what is shown cannot be written: No space left on device\n"
    assert capfd.readouterr().err == message


@pytest.mark.parametrize(("name", "bars"), [("xterm", True), ("dumb", False)])
def test_a_bar_is_for_terminals_that_can_show_it(name, bars, monkeypatch):
    monkeypatch.setenv("TERM", name)
    with standard_output(terminal=True) as stream, progress("reading", console=Screen()):
        pass
    assert ("reading" in stream.text()) == bars == bool(stream.text())


def test_control_characters_are_shown_not_sent():
    assert visible("a\x1b[31m\tb\n\x07\x7f\x9b\udc9b") == "a␛[31m\tb\n␇␡" + 2 * "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("terminal", [False, True])
def test_samples_of_a_training_are_shown_as_they_were_made(terminal, tiny, make_model, tmp_path):
    plan = keras_charrnn.recipe.read({**tiny, "samples": {"temperatures": [0], "length": 1}})
    model = make_model(TRICKY + "x")
    model.generate = lambda **_: TRICKY  # a model that has learnt all of it
    with standard_output("cp1252", terminal) as stream:
        samples = make_samples(plan, keras_charrnn.runs.RunFolder(tmp_path), Screen())
        samples.folder = None
        samples.set_model(model)
        samples.on_epoch_end(0)
    shown = encodable(visible(TRICKY) if terminal else TRICKY, "cp1252")
    assert unstyled(stream.text()) == f"--- epoch 1, temperature 0 ---\n{shown}\n"


@pytest.fixture(scope="module")
def tricky():
    """A model that makes control characters, codes of emoji and markup."""
    return keras_charrnn.CharRNN(keras_charrnn.Vocabulary("a\tb\x1b[31m:cat:[b]床\n"), units=4, embedding=2)


@pytest.mark.parametrize("terminal", [False, True])
def test_sample_and_write_show_what_was_made(terminal, tricky, monkeypatch):
    monkeypatch.setattr("keras_charrnn.runs.run.load", lambda *_: tricky)  # compiled once
    settings = {"prefix": "a\tb\x1b", "length": 30, "seed": 1, "temperature": 1.0}
    one, several = (tricky.generate(**settings, num_samples=count) for count in (1, 2))
    arguments = ["a.keras", "--length", "30", "--seed", "1", "--temperature", "1"]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(rb"a\tb\u001b")))
    for command, wanted in (
        (["sample", *arguments, "--prefix", r"a\tb\u001b"], one),
        (["sample", *arguments, "--prefix", r"a\tb\u001b", "--num-samples", "2"], "--- 1 ---\n{}\n--- 2 ---\n{}"),
        (["write", *arguments], one),
    ):
        with standard_output(terminal=terminal) as stream:
            assert main(command) == 0
        wanted = wanted.format(*several) if "{}" in wanted else wanted
        assert stream.text() == (visible(wanted) if terminal else wanted) + "\n"


LONG = "a quite long sentence with '/my runs/of last year' and `vocabulary: {unknown: drop}` in it, which wraps"
MESSAGES = [
    ("short", 40, "short"),
    (
        LONG,
        40,
        "a quite long sentence with\n'/my runs/of last year' and\n`vocabulary: {unknown: drop}` in it,\nwhich wraps",
    ),
    ("note     one two three", 16, "note     one two\n         three"),
    ("3 problems\n  - one two three", 12, "3 problems\n  - one two\n    three"),
    ("see /a/very/long/path/without/blanks now", 12, "see\n/a/very/long/path/without/blanks\nnow"),
    (
        "To go on:\n    keras-charrnn resume 'a b' --much more",
        12,
        "To go on:\n    keras-charrnn resume 'a b' --much more",
    ),
    ("the model's own text's end", 12, "the model's\nown text's\nend"),
    ("床前明月光 疑是地上霜", 12, "床前明月光\n疑是地上霜"),
]


@pytest.mark.parametrize(("message", "columns", "shown"), MESSAGES)
def test_a_message_wraps_at_words_on_a_terminal_alone(message, columns, shown, monkeypatch):
    with standard_output(terminal=True, columns=columns) as stream:
        say(Screen(), message)
    assert stream.text() == shown + "\n"
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes no terminal of a file
    with standard_output(columns=columns) as stream:
        say(Screen(), message)
    assert stream.text() == message + "\n"


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["sample", "\x1b[31mnone\x07"], "there is no run folder ␛[31mnone␇"),
        (["sample", "a", "-\x1b[31m"], "error: unrecognized arguments: -␛[31m"),
        (["train", "\x1b[2J.yaml"], "␛[2J.yaml: 1 problem - there is no such file"),
        (["new", "a file of which \x9b nothing is"], r"there is no file 'a file of which \x9b nothing is'"),
    ],
)
def test_an_error_steers_no_terminal_and_wraps_at_words(arguments, message, terminal, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Stream("utf-8", terminal, "backslashreplace"))
    with standard_output(terminal=terminal, columns=40), pytest.raises(SystemExit, match="2"):
        raise SystemExit(main(arguments))  # as the parser of arguments does itself
    shown = sys.stderr.text()
    assert message in " ".join(shown.split()) and not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", shown)
    assert max(map(len, shown.splitlines())) <= 40 or not terminal


def test_a_row_is_cut_where_its_cells_end():
    assert [beginning("床前ab", width) for width in (0, 1, 2, 4, 5, 9)] == ["", "", "床", "床前", "床前a", "床前ab"]


def test_no_text_is_written_or_read_in_the_encoding_of_the_machine():
    calls = re.compile(r"\.(?:read|write)_text\((?!.*encoding=)|\.open\((?:\"[rwa]\+?\")?\)")
    package = pathlib.Path(keras_charrnn.__file__).parent
    for path in package.rglob("*.py"):
        assert [line for line in path.read_text(encoding="utf-8").splitlines() if calls.search(line)] == [], path


def test_a_text_with_other_line_ends_and_tabs_is_read_and_shown_alike():
    pathlib.Path("a.txt").write_text("a\tb\r\nc", encoding="utf-8", newline="")
    with standard_output() as stream:
        show(Screen(), corpora.load(path="a.txt").text)
    assert stream.text() == "a\tb\nc\n"
