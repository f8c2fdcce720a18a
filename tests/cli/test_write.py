"""The command `write`: its lines, over a pipe and in a terminal, one that is real but for the person before it."""

import contextlib
import fcntl
import io
import os
import pathlib
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time

import pytest

from keras_charrnn.cli import main
from keras_charrnn.cli.draft import CONTEXT, Draft
from keras_charrnn.errors import SettingsError, VocabularyError
from tests.conftest import TEXT
from tests.messages import without_tensorflow

ROOT = pathlib.Path(__file__).parents[2]


@pytest.fixture
def draft(trained):
    return Draft(trained.model, "the ", length=10, seed=3, temperature=1.0)


def test_a_draft_goes_on_as_the_model_generates(trained, draft):
    pieces = list(draft.offer())
    assert "the " + "".join(pieces) == draft.text == trained.model.generate("the ", 10, temperature=1.0, seed=3)
    draft.add("fox")
    before = draft.text
    assert before.endswith("fox") and draft.offers == []
    list(draft.offer())
    assert draft.text == trained.model.generate(before, 10, temperature=1.0, seed=4)


def test_retry_undo_accept_and_pick_do_what_they_say(draft):
    first = "".join(draft.offer())
    draft.retry()
    second = "".join(draft.offer())
    assert second != first and draft.text == "the " + second
    draft.accept()
    assert draft.offers == [] and draft.text == "the " + second
    draft.change(choices=3)
    offers = list(draft.offer())
    assert draft.offers == offers and len(set(offers)) == 3
    assert draft.text == "the " + second
    draft.pick(2)
    assert draft.text == "the " + second + offers[1]
    texts = []
    for _ in range(3):
        draft.undo()
        texts.append(draft.text)
    assert texts == ["the " + second, "the ", ""]


def test_what_cannot_be_done_is_told_and_changes_nothing(draft):
    with pytest.raises(SettingsError, match="there is no continuation to take"):
        draft.accept()
    with pytest.raises(SettingsError, match="there is no continuation to make again"):
        draft.retry()
    with pytest.raises(SettingsError, match="1 picks nothing on offer"):
        draft.pick(1)
    with pytest.raises(VocabularyError, match="the text has the character '☃'"):
        draft.add("☃")
    for setting, message in (
        ({"length": 0}, "length must be a whole number of 1 or more; received 0"),
        ({"choices": -1}, "choices must be"),
        ({"temperature": -1.0}, "temperature must be"),
        ({"top_k": 0}, "top_k must be"),
    ):
        before = dict(draft.settings)
        with pytest.raises(SettingsError, match=message):
            draft.change(**setting)
        assert draft.settings == before
    assert draft.text == "the "
    draft.change(choices=2)
    list(draft.offer())
    with pytest.raises(SettingsError, match="pick one of the continuations first: 1 to 2"):
        draft.add("x")
    with pytest.raises(SettingsError, match="3 is none of the continuations 1 to 2"):
        draft.pick(3)
    draft.undo()
    draft.undo()
    with pytest.raises(SettingsError, match="there is nothing to undo"):
        draft.undo()


def test_the_model_reads_the_end_of_a_long_text(trained):
    draft = Draft(trained.model, TEXT * 3, length=5, temperature=0)
    text = "".join(draft.offer())
    assert text == trained.model.generate((TEXT * 3)[-CONTEXT:], 5, temperature=0)[-5:]


def test_a_continuation_that_is_cut_short_stays(draft):
    draft.change(length=2000)
    pieces = draft.offer()
    first = next(pieces)
    pieces.close()
    assert draft.text == "the " + first and 0 < len(first) < 2000


def write(lines, run, monkeypatch, *arguments):
    data = lines if isinstance(lines, bytes) else "".join(f"{line}\n" for line in lines).encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    return main(["write", str(run.folder), "--seed", "3", "--length", "10", "--temperature", "1", *arguments])


def test_a_pipe_gets_text_and_nothing_else(trained, capsys, monkeypatch):
    one = trained.model.generate("the ", 10, temperature=1.0, seed=3)
    two = trained.model.generate(one, 10, temperature=1.0, seed=4)
    assert write(["the ", ""], trained, monkeypatch) == 0
    assert capsys.readouterr() == (f"{one}\n{two[len(one) :]}\n", "")


def test_a_pipe_takes_every_command(trained, capsys, monkeypatch):
    lines = [
        "the ", "/retry", "/accept", "/u", "/undo", "fox\\n", "/temperature 0", "/top-k 3",
        "/top-p 0.9", "/k off", "/length 4", "/choices 2", "/show", "/save a.txt", "", "1", "/choices 1", "", "/pick 1",
        "/save", "/settings", "/help", "/quit", "not read",
    ]  # fmt: skip
    assert write(lines, trained, monkeypatch) == 0
    out, err = capsys.readouterr()
    text = pathlib.Path("a.txt").read_text()
    assert text.startswith("fox\n") and len(text) == 4 + 10 + 4 + 4
    # Greedy from there on: what the model says to the same beginning.
    assert text == trained.model.generate(text[:14], 8, temperature=0)
    assert f"\n{text[:14]}\n--- 1 ---\n{text[14:18]}\n--- 2 ---\n{text[14:18]}\n" in out
    assert "\x1b" not in out + err and "saved 14 characters in a.txt" in err and "saved 22 characters" in err
    assert "temperature 0.0  top_k off  top_p 0.9" in err and "/retry, /r" in err and "not read" not in out


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["the", "/rety"], "line 2 of standard input: there is no command /rety, did you mean 'retry'?"),
        (["/xyz"], "there is no command /xyz; /help lists them, and //xyz is text"),
        (["☃"], "line 1 of standard input: the text has the character '☃'"),
        (["/temperature hot"], "temperature must be a number; received 'hot'"),
        (["/length 1.5"], "length must be a whole number; received '1.5'"),
        (["/length off"], "length must be a whole number; received 'off'"),
        (["/save"], "/save needs the name of a file"),
        (["/save there.txt"], "there.txt exists already; /save under another name"),
        (b"th\xff", "line 1 of standard input is not UTF-8: byte 2"),
    ],
)
def test_a_line_that_a_pipe_cannot_have_ends_it_with_status_2(trained, capsys, monkeypatch, lines, message):
    pathlib.Path("there.txt").write_text("mine")
    assert write(lines, trained, monkeypatch) == 2
    assert message in capsys.readouterr().err
    assert pathlib.Path("there.txt").read_text() == "mine"


def test_a_text_that_cannot_be_saved_is_a_failure(trained, capsys, monkeypatch):
    assert write(["the", "/save none/a.txt"], trained, monkeypatch) == 1
    assert "none/a.txt cannot be written: No such file or directory" in capsys.readouterr().err


def test_a_file_can_be_gone_on_with(trained, capsys, monkeypatch):
    pathlib.Path("a.txt").write_text("the quick ")
    assert write([""], trained, monkeypatch, "--text", "a.txt") == 0
    wanted = trained.model.generate("the quick ", 10, temperature=1.0, seed=3)
    assert capsys.readouterr().out == wanted.removeprefix("the quick ") + "\n"


class Terminal:
    """A pseudo-terminal with the program in it."""

    def __init__(self, *arguments, columns=40, **environment):
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 20, columns, 0, 0))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", **environment}
        for name in ("COLUMNS", "LINES"):
            environment.pop(name, None)
        command = [sys.executable, "-m", "keras_charrnn", *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
        )
        os.close(slave)

    def read(self, until, seconds=120):
        """Return what is on the screen from here to the text `until`."""
        seen, end = "", time.monotonic() + seconds
        while until not in plain(seen):
            ready, _, _ = select.select([self._master], [], [], max(0, end - time.monotonic()))
            assert ready, f"no {until!r} in {seen!r}"
            try:
                data = os.read(self._master, 65536)
            except OSError:  # the program has left
                data = b""
            assert data, f"no {until!r} in {seen!r}"
            seen += data.decode()
        return seen

    def type(self, line):
        """Type a line; return the answer, up to the next prompt."""
        os.write(self._master, f"{line}\n".encode())
        return self.read("\n> ").replace("\r\n", "\n")

    def close(self):
        with contextlib.suppress(OSError):
            os.close(self._master)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def terminal(trained):
    terminals = []

    def start(*arguments, **environment):
        settings = ["--seed", 3, "--length", 30, "--temperature", 1, *arguments]
        terminals.append(Terminal("write", trained.folder, *settings, **environment))
        return terminals[-1]

    yield start
    for each in terminals:
        each.close()


def plain(text):
    """Return a text without colours and other escapes of the terminal."""
    return without_tensorflow(re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]|\r", "", text))


def unwrapped(text):
    return " ".join(plain(text).split())


def test_a_person_writes_with_it_in_a_terminal(trained, terminal):
    screen = terminal()
    banner = screen.read("> ")
    assert "starting TensorFlow" in banner and "31 symbols. Type a beginning; /help lists" in unwrapped(banner)
    one = trained.model.generate("the ", 30, temperature=1.0, seed=3)
    answer = screen.type("the ")
    assert plain(one) in plain(answer) and "\x1b[36m" in answer
    two = trained.model.generate("the ", 30, temperature=1.0, seed=4)
    assert plain(two) in plain(screen.type("/retry"))
    assert "did you mean 'retry'?" in unwrapped(screen.type("/rety"))  # and goes on
    assert "exists already" in unwrapped(screen.type(f"/save {trained.folder / 'recipe.yaml'}"))
    assert "/temperature, /t X\n  0 is the likeliest text" in plain(screen.type("/help"))
    screen.type("/choices 2")
    answer = plain(screen.type(""))
    assert "--- 1 ---" in answer and "--- 2 ---" in answer and "a number from 1 to 2 picks one" in unwrapped(answer)
    screen.type("2")
    assert "the text ends in" in unwrapped(screen.type("/undo"))
    assert "saved 34 characters in out.txt" in unwrapped(screen.type("/save out.txt"))
    assert pathlib.Path("out.txt").read_text() == two
    os.write(screen._master, b"/quit\n")
    assert screen.process.wait(60) == 0


def test_ctrl_c_ends_a_continuation_and_ctrl_d_the_program(terminal):
    screen = terminal("--length", "2000000", NO_COLOR="1")
    assert "\x1b[3" not in screen.read("> ")
    os.write(screen._master, b"the \n")
    screen.read("\nthe ")  # it begins
    time.sleep(1)
    os.killpg(screen.process.pid, signal.SIGINT)
    assert "\x1b[36m" not in screen.read("\n> ")
    answer = plain(screen.type("/save cut.txt"))
    assert re.search(r"saved [\d,]+ characters", answer)
    assert 4 < pathlib.Path("cut.txt").stat().st_size < 2_000_000
    os.write(screen._master, b"\x04")
    assert screen.process.wait(60) == 0
