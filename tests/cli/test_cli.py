"""The program, in a process of its own where that matters, else by its `main`."""

import pathlib
import signal
import subprocess
import sys
import time

import pytest
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.cli.main import COMMANDS
from tests.messages import without_tensorflow

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]


def program(*arguments, **options):
    command = [sys.executable, "-m", "keras_charrnn", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, **options)


@pytest.fixture
def recipe(tiny):
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump(tiny))
    return "tiny.yaml"


def test_the_quickstart_trains_and_writes_through_the_program(capsys):
    sizes = ["--set", "training.epochs=1", "--set", "model.units=24", "--set", "corpus.max_bytes=20000"]
    sizes += ["--set", "windows.length=8"]
    done = program("train", ROOT / "recipes" / "quickstart.yaml", *sizes, "--set", "samples.every_epochs=1")
    assert done.returncode == 0, done.stderr
    assert without_tensorflow(done.stderr) == ""
    assert (
        "best validation loss" in done.stdout
        and "def " in done.stdout
        and "run in runs/quickstart-001, with report.html" in done.stdout
    )
    assert "\x1b" not in done.stdout
    assert main(["sample", "runs/quickstart-001", "--prefix", "def ", "--length", "50", "--seed", "3"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("def ") and len(out) == 4 + 50 + 1


def test_quiet_training_tells_a_mistake_all_the_same(capsys):
    assert main(["train", "none.yaml", "--quiet"]) == 2
    assert "there is no such file" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_the_exit_statuses_in_forty_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    out = capsys.readouterr().out
    assert "Exit status: 0 done;" in " ".join(out.split())
    assert max(map(len, out.splitlines())) <= 60  # a long word may stand out


def test_sample_takes_every_setting(trained, capsys):
    run = trained.folder
    arguments = ["--prefix", "the ", "--length", "30", "--temperature", "0.5", "--top-k", "5", "--top-p", "0.9"]
    assert main(["sample", str(run), *arguments, "--seed", "1", "--num-samples", "2", "--stop", "\n"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("--- 1 ---\nthe ") and "\n--- 2 ---\nthe " in out
    assert main(["sample", str(run / "model.keras"), "--length", "5"]) == 0
    assert len(capsys.readouterr().out) == 5 + 1


def test_check_shows_every_key_with_its_value(recipe, capsys):
    assert main(["check", recipe]) == 0
    out = capsys.readouterr().out
    assert "tiny.yaml is fine" in out and "windows.batch_size" in out and "rows in a batch" in out
    assert main(["check"]) == 0
    assert "training.clip_norm" in capsys.readouterr().out


def test_cells_and_corpora_are_listed(capsys):
    pathlib.Path("mine.py").write_text(
        "import keras_charrnn\n@keras_charrnn.register_cell('listed_cell')\nclass Mine(keras_charrnn.GatedCell):\n"
        "    '''A cell of mine.'''\n    gates = ('a',)\n\n"
        "    def combine(self, zx, zr, states):\n        return {'h': zx + zr}\n"
    )
    assert main(["cells", "--plugin", "mine.py"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("gru", "lstm", "simple_rnn", "listed_cell", "A cell of mine."))
    assert main(["corpora"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in ("tiny_shakespeare", "shakespeare_plays", "python_stdlib"))


def test_a_broken_plugin_is_listed_as_broken_with_its_file_and_line(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("COLUMNS", "300")
    pathlib.Path("mine.py").write_text("import keras_charrnn\n\n1 / 0\n")
    info = tmp_path / "site" / "charrnn_bad-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: charrnn-bad\nVersion: 2.0\n")
    (info / "entry_points.txt").write_text("[keras_charrnn.cells]\nbad = charrnn_bad_of_a_test\ngru = charrnn_bad\n")
    (tmp_path / "site" / "charrnn_bad_of_a_test.py").write_text("x = (\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert main(["cells", "--plugin", "mine.py"]) == 0
    out, err = capsys.readouterr()
    rows = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert "Long short-term memory" in rows["lstm"] and err == ""
    assert "broken: plugin 'mine.py': " in rows["mine.py"] and "mine.py, line 3: ZeroDivisionError" in rows["mine.py"]
    assert "broken: installed plugin 'bad' (package charrnn-bad 2.0" in rows["bad"]
    assert "charrnn_bad_of_a_test.py, line 1: SyntaxError" in rows["bad"]
    assert "Gated recurrent unit" in out and "the name is taken: keras_charrnn.cells.gru.GRU has it" in rows["gru"]


@pytest.mark.thorough  # tests/test_plugins.py checks a cell, too
def test_a_cell_is_checked_and_a_wrong_one_has_status_1(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["cells", "--check", "simple_rnn"]) == 0
    out = capsys.readouterr().out
    assert "simple_rnn" in out and out.count(" ok ") == 15 and "the cell has no parallel form" in out
    pathlib.Path("mine.py").write_text(
        "import keras_charrnn\nimport numpy as np\n\n@keras_charrnn.register_cell('wavering_cell')\n"
        "class Mine(keras_charrnn.RecurrentCell):\n    def call(self, inputs, states, training=False):\n"
        "        h = states[0] + np.random.random()\n        return h, [h]\n"
    )
    assert main(["cells", "--check", "wavering_cell", "--plugin", "mine.py"]) == 1
    out, err = capsys.readouterr()
    assert err == "keras-charrnn: wavering_cell lacks 1 property of a cell\n  - wavering_cell: repeatable\n"
    (row,) = (line for line in out.splitlines() if "repeatable" in line and "failed" in line)
    assert "expected: the same" in row
    assert "received: a difference of" in out and "likely cause: " in out and "needs 'repeatable'" in out


def test_help_and_version_are_there():
    done = program("--help")
    assert done.returncode == 0
    assert all(
        f"\n    {name} " in done.stdout
        for name in ("train", "resume", "sample", "report", "inspect", "check", "cells", "corpora")
    )
    assert "Exit status: 0 done; 1 a failure of the run" in done.stdout and "NO_COLOR" in done.stdout
    assert program("--version").stdout.strip() == keras_charrnn.__version__


MISTAKES = [
    (["train", "none.yaml"], "none.yaml: 1 problem\n  - there is no such file"),
    (["train", "tiny.yml"], "did you mean 'tiny.yaml'"),
    (["train", "tiny.yaml", "--set", "model.unit=3"], "model.unit: unknown key, did you mean 'units'?"),
    (["train", "tiny.yaml", "--set", "model.units=-3"], "model.units: must be a whole number"),
    (["train", "tiny.yaml", "--set", "model.units"], "sets nothing"),
    (["train", "tiny.yaml", "--set", "corpus.path=none.txt"], "there is no file"),
    (["train", "tiny.yaml", "--name", "a/b"], "name: must be letters"),
    (["train", "tiny.yaml", "--runs", "tiny.yaml"], "a run folder cannot be made in tiny.yaml"),
    (["check", "list.yaml"], "must be a mapping"),
    (["sample", "runs/none-001"], "there is no run folder runs/none-001"),
    (["sample", "."], "is not a run folder: it has no recipe.yaml"),
    (["sample", "none.keras"], "there is no model file none.keras"),
    (["sample", "list.keras"], "is no .keras file, or a damaged one"),
    (["sample", "none.keras", "--temperature", "-1"], "temperature must be a number of 0 or more; received -1.0"),
    (["sample", "none.keras", "--temperature", "nan"], "temperature must be a number of 0 or more; received nan"),
    (["sample", "none.keras", "--temperature", "inf"], "received inf"),
    (["sample", "none.keras", "--plugin", "none.py"], "plugin 'none.py': there is no file "),
    (["cells", "--plugin", "none.py"], "none.py; paths start from"),
    (["cells", "--check", "grru"], "unknown cell 'grru', did you mean 'gru'?"),
    (["cells", "--check", "gru", "--plugin", "list.py"], "list.py, line 1: SyntaxError"),
]


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=lambda value: " ".join(value)[:50])
def test_a_mistake_is_one_message_status_2_and_nothing_is_left(recipe, capsys, tmp_path, arguments, message):
    pathlib.Path("list.yaml").write_text("- a\n")
    pathlib.Path("list.keras").write_text("- a\n")
    pathlib.Path("list.py").write_text("- a -\n")
    before = sorted(tmp_path.rglob("*"))
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert message in err and err.startswith("keras-charrnn: ") and "Traceback" not in err
    assert out == ""
    assert sorted(tmp_path.rglob("*")) == before


def test_a_prefix_with_an_unknown_character_is_told(trained, capsys):
    assert main(["sample", str(trained.folder), "--prefix", "th☃"]) == 2
    assert "the prefix has the character '☃'" in capsys.readouterr().err


def test_a_failure_of_the_run_has_status_1_and_keeps_what_there_was(capsys, monkeypatch, recipe):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("keras.Model.save", full)
        assert main(["train", recipe]) == 1
    err = capsys.readouterr().err
    assert "model.keras cannot be written: No space left on device" in err and "Traceback" not in err
    assert main(["resume", "runs/tiny-001"]) == 0
    assert main(["sample", "runs/tiny-001", "--length", "3"]) == 0


def test_debug_shows_the_traceback():
    done = program("new", "none.txt", "--debug")  # a command that finds its mistake before it needs TensorFlow
    assert "Traceback" in done.stderr and "CorpusError" in done.stderr


def test_a_wrong_argument_has_status_2():
    done = program("sample", "x", "--length", "many")
    assert done.returncode == 2 and "invalid int value: 'many'" in done.stderr


@pytest.mark.thorough  # tests/training/test_resume.py has signals
def test_ctrl_c_ends_with_status_130_and_says_how_to_go_on(recipe):
    command = [sys.executable, "-m", "keras_charrnn", "train", recipe, "--set", "training.epochs=5000"]
    process = subprocess.Popen(
        [*command, "--set", "samples.every_epochs=0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    metrics = pathlib.Path("runs/tiny-001/metrics.jsonl")
    for _ in range(600):
        time.sleep(0.1)
        if metrics.is_file():
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and without_tensorflow(err.decode()) == ""
    assert b"To go on:\n    keras-charrnn resume runs/tiny-001\n" in out
    assert main(["sample", "runs/tiny-001", "--length", "3"]) == 0


def test_output_into_a_closed_pipe_is_no_error(trained):
    command = f"{sys.executable} -m keras_charrnn sample {trained.folder} --length 100000 | head -c 5"
    done = subprocess.run(["bash", "-c", command + "; exit ${PIPESTATUS[0]}"], capture_output=True, text=True)
    assert done.returncode == 0 and without_tensorflow(done.stderr) == "" and len(done.stdout) == 5


STARTS = """
import gc
from keras_charrnn.cli.quiet import quiet_tensorflow

for debug in (False, True):
    with quiet_tensorflow(debug):
        import tensorflow
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 100_000
"""


@pytest.mark.thorough
def test_tensorflow_starts_without_the_garbage_collector_which_works_again_then():
    done = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
