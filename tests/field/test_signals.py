"""A closed terminal, a pipe that nobody reads any more, and the other requests to end."""

import fcntl
import io
import os
import pathlib
import pty
import select
import signal
import subprocess
import sys
import termios
import time

import pytest
import yaml

from keras_charrnn.cli import main
from keras_charrnn.common.screen import Screen, say
from keras_charrnn.common.signals import HeldSignals, ending
from keras_charrnn.runs import RunFolder

ROOT = pathlib.Path(__file__).parents[2]
CALM = {"name": "stop", "factor": 1000.0}  # the tiny text repeats itself, and surprises at the start of an epoch


@pytest.mark.parametrize(
    ("first", "second", "raised", "status"),
    [
        (signal.SIGHUP, None, SystemExit, 129),
        (signal.SIGTERM, None, SystemExit, 143),
        (signal.SIGINT, None, KeyboardInterrupt, None),
        (signal.SIGHUP, signal.SIGHUP, SystemExit, 129),  # of the system and of the shell
        (signal.SIGTERM, signal.SIGHUP, SystemExit, 143),
        (signal.SIGHUP, signal.SIGTERM, KeyboardInterrupt, None),
        (signal.SIGTERM, signal.SIGTERM, KeyboardInterrupt, None),
    ],
)
def test_a_request_to_end_waits_for_the_check_and_has_its_status(first, second, raised, status):
    handler = signal.getsignal(first)
    with pytest.raises(raised) as ended, HeldSignals(*ending()) as signals:
        signal.raise_signal(first)
        if second is not None:
            signal.raise_signal(second)
        signals.check()
    assert getattr(ended.value, "code", None) == status
    assert signal.getsignal(first) is handler


def test_under_nohup_a_closed_terminal_is_nothing():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with HeldSignals(*ending()) as signals:
            signal.raise_signal(signal.SIGHUP)
            signals.check()
            assert signals.received is None
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_system_without_that_signal_does_without(monkeypatch):
    monkeypatch.setattr("keras_charrnn.common.signals.HANG_UP", None)
    assert ending() == [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("lasting", [True, False])
@pytest.mark.parametrize("where", ["terminal", "pipe"])
def test_what_nobody_reads_any_more_ends_no_training(where, lasting, monkeypatch):
    reading, writing = pty.openpty() if where == "terminal" else os.pipe()
    with io.TextIOWrapper(io.FileIO(writing, "w"), encoding="utf-8") as file:
        monkeypatch.setattr(sys, "stdout", file)
        screen = Screen(lasting=lasting)
        say(screen, "before")
        assert os.read(reading, 100).split() == [b"before"]
        os.close(reading)
        if lasting:
            say(screen, "after")
            print("and this, too", flush=True)
        else:
            with pytest.raises(OSError, match=r"Broken pipe|Input/output error"):
                say(screen, "after")
            os.dup2(os.open(os.devnull, os.O_WRONLY), writing)  # for what the stream still holds


def test_the_statuses_are_told(capsys):
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "129 a closed terminal; 130 Ctrl-C; 143 SIGTERM" in " ".join(capsys.readouterr().out.split())


def train_on_a_terminal(recipe, name, close, **options):
    """Train in a session of its own on a terminal, which is closed after an epoch; return the exit status."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_charrnn", "train", recipe, "--name", name],
        **{"stdin": slave, "stdout": slave, "stderr": slave, **options},
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        preexec_fn=lambda: (os.setsid(), fcntl.ioctl(slave, termios.TIOCSCTTY, 0)),
    )
    os.close(slave)
    metrics, end = pathlib.Path(f"runs/{name}-001/metrics.jsonl"), time.monotonic() + 120
    while not metrics.is_file():
        assert time.monotonic() < end and process.poll() is None
        if select.select([master], [], [], 0.05)[0]:
            os.read(master, 65536)
    try:
        close(process, master)
        return process.wait(60)
    finally:
        process.kill()


@pytest.mark.thorough
@pytest.mark.parametrize("how", ["closed", "killed", "into a file"])
def test_a_training_whose_terminal_is_closed_writes_a_checkpoint_and_has_status_129(how, tiny):
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump({**tiny, "training": {"epochs": 100_000, "divergence": CALM}}))

    def close(process, master):
        os.close(master)
        if how == "killed":
            process.send_signal(signal.SIGHUP)  # by the shell, once more

    with pathlib.Path("log.txt").open("wb") as file:
        options = {"stdout": file, "stderr": file} if how == "into a file" else {}
        assert train_on_a_terminal("tiny.yaml", "tiny", close, **options) == 129
    newest = RunFolder("runs/tiny-001").checkpoints.newest()
    assert newest.facts["epoch"] >= 1 and not newest.facts["finished"]
    log = pathlib.Path("log.txt").read_text()
    assert (how == "into a file") == ("To go on:\n    keras-charrnn resume runs/tiny-001\n" in log)


@pytest.mark.thorough
def test_under_nohup_a_training_outlives_its_terminal(tiny):
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump({**tiny, "training": {"epochs": 60, "divergence": CALM}}))
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # which the other process inherits
    try:
        assert train_on_a_terminal("tiny.yaml", "tiny", lambda _, master: os.close(master)) == 0
    finally:
        signal.signal(signal.SIGHUP, before)
    assert RunFolder("runs/tiny-001").checkpoints.newest().facts["finished"]
