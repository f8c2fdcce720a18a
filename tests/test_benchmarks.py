"""Each benchmark runs, on sizes too small to mean anything: their figures are for `make bench`."""

import pathlib
import subprocess
import sys

import pytest

import keras_charrnn

BENCHMARKS = pathlib.Path(keras_charrnn.__file__).parents[1] / "benchmarks"
SHORT = ["--length", "8"]  # most of the time goes to writing out the loop
CALLS = {
    "training.py": [
        *("--cells", "users_lstm", "simple_rnn", "--units", "8"),
        *("--repeats", "1", "--scale", "0.001", *SHORT),
    ],
    "linear.py": ["--cells", "min_gru", "--units", "8", "--layers", "1", "--repeats", "1", "--steps", "20", *SHORT],
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
    "kill_resume.py": ["--replicas", "1", "--trials", "1", "--bytes", "40000"],
}


@pytest.mark.parametrize("name", CALLS)
def test_a_benchmark_prints_its_table_and_the_machine(name):
    done = subprocess.run([sys.executable, BENCHMARKS / name, *CALLS[name]], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "|---" in done.stdout and " cores" in done.stdout
    if name in ("training.py", "generation.py", "time_to_loss.py"):
        assert "missing" in done.stdout  # PyTorch is no dependency


def test_every_benchmark_is_tried():
    programs = {path.name for path in BENCHMARKS.glob("*.py")}
    helpers = {"common.py", "contender.py", "data.py"} | {
        name for name in programs if name.startswith(("train_", "generate_"))
    }
    assert programs - helpers == set(CALLS)
