"""Each benchmark runs, on sizes too small to mean anything: their figures are for `make bench`."""

import contextlib
import io
import pathlib
import runpy
import subprocess
import sys
import traceback
import types

import pytest

import keras_charrnn
from keras_charrnn import registry

BENCHMARKS = pathlib.Path(keras_charrnn.__file__).parents[1] / "benchmarks"
SHORT = ["--length", "8"]  # most of the time goes to writing out the loop
CALLS = {
    "training.py": [
        *("--cells", "users_lstm", "simple_rnn", "--units", "8"),
        *("--repeats", "1", "--scale", "0.001", "--batch", "8", "--loop", *SHORT),
    ],
    "linear.py": ["--cells", "min_gru", "--units", "8", "--layers", "1", "--repeats", "1", "--steps", "20", *SHORT],
    "optimizers.py": ["--units", "8", "--layers", "1", "--repeats", "1", "--steps", "20", *SHORT],
    "generation.py": ["--units", "8", "--characters", "100", "--repeats", "1"],
    "startup.py": ["--units", "8", "--lengths", "4", "8", "--repeats", "1"],
    "memory.py": ["--units", "8", "--steps", "20", *SHORT],
    "encoding.py": ["--megabytes", "1"],
    "large_text.py": ["--megabytes", "1", "2", "--steps", "20"],
    "callbacks.py": [
        *("--set", "corpus={name: python_stdlib, max_bytes: 20000}", "--set", "model.units=8"),
        *("--set", "training.epochs=1", "--set", "samples.prefix=null", "--set", "windows.batch_size=4"),
    ],
    "time_to_loss.py": [
        *("--recipe", str(BENCHMARKS.parent / "recipes" / "quickstart.yaml"), "--set", "model.units=8"),
        *("--set", "corpus.max_bytes=100000", "--steps", "20", "--every", "10", "--plot", "curves.png"),
    ],
    "versions.py": [
        *(str(BENCHMARKS.parent), "--recipe", str(BENCHMARKS.parent / "recipes" / "quickstart.yaml"), "--repeats", "1"),
        *("--set", "model.units=8", "--set", "training.epochs=1", "--set", "corpus.max_bytes=20000"),
        *("--characters", "20"),
    ],
    "suggestions.py": [
        *(str(BENCHMARKS.parent / "README.md"), "--characters", "2000", "--repeats", "1"),
        *("--set", "model.units=8", "--set", "training.epochs=1"),
    ],
    "fine_tuning.py": [
        *("--base", "quickstart", "--text", str(BENCHMARKS.parent / "README.md"), "--characters", "4000"),
        *("--seeds", "1", "--set", "model.units=8", "--set", "corpus.max_bytes=20000"),
    ],
    "new_symbols.py": [
        *("--spreads", "1", "--seeds", "1", "--size", "20000", "--set", "model.units=8", "--set", "training.epochs=1"),
    ],
    "serving.py": ["--units", "8", "--layers", "1", "--clients", "2", "--length", "40", "--repeats", "1", "--no-page"],
    "scaling.py": [
        *("--units", "8", "--batch", "8", "--length", "16", "--steps", "20", "--repeats", "1", "--plan", "1", "2"),
    ],
    "kill_resume.py": ["--replicas", "1", "--trials", "1", "--bytes", "40000"],
}
# Those of which each run takes a second or two, and what is laid over their sizes in this process.
SMALLER = {
    "generation.py": ["--characters", "20"],
    "encoding.py": ["--megabytes", "0"],
}


def check(name, out):
    assert "|---" in out and " cores" in out
    if name in ("training.py", "generation.py", "time_to_loss.py"):
        assert "missing" in out  # PyTorch is no dependency


def run_program(path, arguments):
    """Run a program in this process, as its own command does; return what it prints, its errors and its exit status."""
    out, errors, code = io.StringIO(), io.StringIO(), 0
    kept, entries = sys.argv, dict(registry.cells._entries)
    sys.argv = [str(path), *map(str, arguments)]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(errors):
            runpy.run_path(str(path), run_name="__main__")
    except SystemExit as end:
        code = end.code
    except Exception:
        errors.write(traceback.format_exc())
        code = 1
    finally:
        sys.argv = kept
        registry.cells._entries.clear()  # the next program registers its cells again
        registry.cells._entries.update(entries)
    return out.getvalue(), errors.getvalue(), code


@pytest.fixture
def contenders_here(monkeypatch):
    """Have the contenders run in this process, which has TensorFlow, with their arguments and what they print."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    before = {*sys.modules}
    import common

    def run(command, env, **options):
        _, path, *arguments = command
        with pytest.MonkeyPatch.context() as patch:
            for key, value in env.items():
                patch.setenv(key, value)
            out, errors, code = run_program(path, arguments)
        return subprocess.CompletedProcess(command, code, out, errors)

    monkeypatch.setattr(common, "subprocess", types.SimpleNamespace(run=run))
    yield
    for name in {*sys.modules} - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", None)):
            del sys.modules[name]


@pytest.mark.plots
@pytest.mark.parametrize("name", SMALLER)
def test_a_benchmark_prints_its_table_and_the_machine(name, contenders_here):
    out, errors, code = run_program(BENCHMARKS / name, [*CALLS[name], *SMALLER[name]])
    assert not code, errors + str(code)
    check(name, out)


@pytest.mark.parametrize("name", CALLS)
def test_a_benchmark_says_what_it_measures_and_takes_its_arguments(name, contenders_here):
    out, _, code = run_program(BENCHMARKS / name, ["--help"])
    assert code == 0 and all(argument in out for argument in CALLS[name] if argument.startswith("--"))
    _, errors, code = run_program(BENCHMARKS / name, [*CALLS[name], "--nonsense"])
    assert code == 2 and errors.endswith("error: unrecognized arguments: --nonsense\n")


@pytest.mark.thorough
@pytest.mark.plots
@pytest.mark.parametrize("name", CALLS)
def test_a_benchmark_is_a_program_and_so_are_its_contenders(name):
    done = subprocess.run([sys.executable, BENCHMARKS / name, *CALLS[name]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check(name, done.stdout)


def test_every_benchmark_is_tried():
    programs = {path.name for path in BENCHMARKS.glob("*.py")}
    helpers = {"common.py", "contender.py", "data.py", "ready_models.py"} | {  # which would write into the package
        name for name in programs if name.startswith(("train_", "generate_"))
    }
    assert programs - helpers == set(CALLS)
