"""Systems and interpreters that lack something: docstrings, locks, /proc, instructions of the processor."""

import errno
import os
import pathlib
import signal
import subprocess
import sys

import pytest

import keras_charrnn
from keras_charrnn.cli.main import COMMANDS
from keras_charrnn.common import files
from keras_charrnn.common.files import lock
from keras_charrnn.engine import compute
from keras_charrnn.errors import RunError
from keras_charrnn.runs import RunFolder

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]


def program(*arguments, environment=(), first=()):
    """Run the program with one of the options -O of Python, or with other packages before its own."""
    path = os.pathsep.join([*map(str, first), str(ROOT)])
    command = [sys.executable, "-m", "keras_charrnn", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path, **dict(environment)}
    )


def test_the_program_needs_no_docstrings():
    done = program("--version", environment={"PYTHONOPTIMIZE": "2"})
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{keras_charrnn.__version__}\n", "")
    done = program("--help", environment={"PYTHONOPTIMIZE": "2"})
    assert "Write text with a trained model." in done.stdout and done.stderr == ""


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_is_no_docstring(name):
    """Python keeps what is assigned, with -OO too."""
    path = pathlib.Path(COMMANDS[name].__file__)
    optimised = {}
    exec(compile(path.read_text(encoding="utf-8"), path, "exec", optimize=2), optimised)
    assert optimised["__doc__"] == COMMANDS[name].__doc__


@pytest.mark.thorough
@pytest.mark.parametrize("optimize", ["1", "2"])
def test_a_model_writes_without_docstrings_and_assertions(optimize, trained):
    arguments = ("sample", str(trained.folder), "--temperature", "0", "--length", "20")
    done = program(*arguments, environment={"PYTHONOPTIMIZE": optimize})
    assert (done.returncode, done.stdout) == (0, trained.model.generate(length=20, temperature=0) + "\n")


def test_a_lock_that_another_process_has_is_told(tmp_path):
    path = tmp_path / "lock"
    with lock(path, "it is taken") as note:
        assert note == ""
        with pytest.raises(RunError, match=r"^it is taken$"), lock(path, "it is taken"):
            pass
    with lock(path, "it is taken"):
        pass
    with pytest.raises(RunError, match="none cannot be written to: No such file"), lock(tmp_path / "none" / "a", "x"):
        pass


@pytest.mark.parametrize("code", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO])
def test_without_locks_the_work_goes_on_with_a_note(code, monkeypatch, tmp_path):
    monkeypatch.setattr(files, "_lock", refusing(code))
    with lock(tmp_path / "lock", "it is taken") as note:
        assert note == f"the file system of {tmp_path} has no locks: see to it that no other process trains there"


def test_a_run_without_locks_has_the_note(monkeypatch):
    monkeypatch.setattr(files, "_lock", refusing(errno.ENOLCK))
    with RunFolder.create("runs", "a").lock() as note:
        assert note.startswith("the file system of runs/a-001/checkpoints has no locks")


@pytest.mark.parametrize("code", [errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES])
def test_a_lock_is_taken_however_the_system_says_so(code, monkeypatch, tmp_path):
    monkeypatch.setattr(files, "_lock", refusing(code))
    with pytest.raises(RunError, match="it is taken"), lock(tmp_path / "lock", "it is taken"):
        pass


def refusing(code):
    def lock_file(_):
        raise OSError(code, os.strerror(code))

    return lock_file


@pytest.mark.thorough
def test_a_training_says_that_there_are_no_locks(tiny, console, monkeypatch):
    monkeypatch.setattr(files, "_lock", refusing(errno.ENOLCK))
    keras_charrnn.fit(tiny, {"training.epochs": 1}, console=console)
    folder = RunFolder("runs/tiny-001")
    assert f"\nnote     the file system of {folder.checkpoints.folder} has no locks: see to" in console.export_text()


def test_a_machine_that_tells_nothing_of_itself_is_used_all_the_same(monkeypatch):
    def missing(*_, **__):
        raise FileNotFoundError(errno.ENOENT, "No such file")

    monkeypatch.setattr(pathlib.Path, "read_text", missing)
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    machine = compute.prepare("auto", "auto", 64)
    assert (machine.cores, machine.replicas, machine.precision) == (1, 1, "float32") and machine.processor


LAST_WORDS = "keras-charrnn: the program ended while TensorFlow was imported"
ENDS = [
    (f"os.kill(os.getpid(), {signal.SIGABRT:d})", -signal.SIGABRT, f"{LAST_WORDS}; its last words:\nneeds AVX\n"),
    (f"os.kill(os.getpid(), {signal.SIGILL:d})", -signal.SIGILL, f"{LAST_WORDS}; its last words:\nneeds AVX\n"),
    ("os._exit(3)", 3, f"{LAST_WORDS}; its last words:\nneeds AVX\n"),
    ("raise ImportError('no such symbol')", 1, "needs AVX\nkeras-charrnn: ImportError: no such symbol\n"),
    ("raise KeyboardInterrupt", 130, ""),
]


@pytest.mark.parametrize(("ends", "status", "told"), ENDS)
def test_the_last_words_of_tensorflow_are_shown(ends, status, told, tmp_path):
    (tmp_path / "first" / "tensorflow").mkdir(parents=True)
    source = f"import os\nos.write(2, b'needs AVX\\n')\n{ends}\n"
    (tmp_path / "first" / "tensorflow" / "__init__.py").write_text(source)
    done = program("sample", "none", first=[tmp_path / "first"])
    assert done.returncode == status and done.stderr.startswith(told) and done.stdout == ""
    assert told or not done.stderr


def test_a_start_that_succeeds_shows_nothing_and_leaves_no_process(tmp_path):
    (tmp_path / "tensorflow.py").write_text(
        "import os\nos.write(2, b'needs AVX')\nget_logger = lambda: type('', (), {'setLevel': print})\n"
    )
    code = (
        "import os\nfrom keras_charrnn.cli.quiet import quiet_tensorflow\nwith quiet_tensorflow():\n    pass\n"
        "try:\n    os.wait()\nexcept ChildProcessError:\n    os.write(2, b'alone')\n"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, "PYTHONPATH": path}
    )
    assert (done.returncode, done.stderr) == (0, "alone")
