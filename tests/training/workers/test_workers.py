"""Trainings by several processes: as by one, whoever is lost on the way."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.training.workers.memory import SUMS, find_place
from tests.conftest import tiny_recipe

thorough = pytest.mark.thorough
PROGRAM = sys.executable, "-m", "keras_charrnn"
EVERYTHING = {
    "model": {
        "cell": "lstm", "units": 8, "layers": 2, "embedding": 8, "ngrams": 2, "dropout": 0.1, "recurrent_dropout": 0.1,
    },
    "training": {
        "epochs": 3, "average": 0.9, "accumulate": 2, "clip_norm": 1.0, "minutes": 5,
        "optimizer": {"name": "muon", "learning_rate": 0.01},
    },
    "validation": {"every_steps": 30},
    "samples": {"every_steps": 40, "length": 10, "temperatures": [0]},
    "windows": {"batch_size": 8, "length": 8, "random_offset": True},
}  # fmt: skip


def recipe_of(folder, **sections):
    """Write a recipe of 200 steps and more, and its text, into a folder; return its path."""
    recipe = tiny_recipe(folder)
    recipe["training"]["epochs"] = 3
    recipe |= {"checkpoints": {"every_steps": 20, "every_epochs": 0}, **sections}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(recipe))
    return path


def program(*arguments, environment=(), wait=True):
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "KERAS_CHARRNN_WAIT": "60", **dict(environment)},
    )
    if wait:
        output, _ = process.communicate()
        assert process.returncode == 0, output
    return process


def by_hand(recipe, count, *arguments, wait=True):
    """Start each worker as on a machine of its own, with sums by the network; return the processes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        group = {"MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": str(count), "MASTER_ADDR": "127.0.0.1"}
    group[SUMS] = "network"
    processes = [
        program("train", recipe, *arguments, environment={**group, "RANK": str(rank)}, wait=False)
        for rank in range(count)
    ]
    if wait:
        outputs = [each.communicate()[0] for each in processes]
        assert [each.returncode for each in processes] == [0] * count, outputs
        assert outputs[1:] == [""] * (count - 1)  # one display
    return processes


def state(run):
    return RunFolder(run).checkpoints.newest().arrays


def assert_near(one, two, tolerance):
    assert one.keys() == two.keys()
    for name, array in one.items():
        np.testing.assert_allclose(array, two[name], tolerance and 1e-6, tolerance, err_msg=name)


def assert_same_run(one, two):
    assert_near(state(one), state(two), 0)
    assert (one / "metrics.jsonl").read_bytes() == (two / "metrics.jsonl").read_bytes()


@pytest.fixture(scope="session")
def pair(once):
    """Return the folder of a training by two workers, which must stay as it is."""

    def make(folder):
        program("train", recipe_of(folder), "--workers", 2, "--runs", folder / "runs")

    return once("pair", make)


@pytest.fixture(scope="session")
def alone(once):
    """Return the folder of the same training by one process, with two replicas."""

    def make(folder):
        recipe = yaml.safe_load(recipe_of(folder).read_text())
        recipe["compute"]["replicas"] = 2
        keras_charrnn.fit(recipe, runs_dir=folder / "runs")

    return once("alone", make)


def test_two_workers_come_to_the_weights_of_one_process(pair, alone):
    arrays, wanted = (state(each / "runs" / "tiny-001") for each in (pair, alone))
    assert int(wanted["optimizer/0"]) > 200
    assert_near(arrays, wanted, 1e-5)
    runs = [keras_charrnn.Run.open(each / "runs" / "tiny-001") for each in (pair, alone)]
    losses = [[row["val_loss"] for row in run.history] for run in runs]
    np.testing.assert_allclose(*losses, atol=1e-5)
    environments = [RunFolder(run.folder).read_environment() for run in runs]
    assert [each["machine"]["workers"] for each in environments] == [2, 1]
    assert environments[0]["network"]["by"] == ("memory" if find_place() else "network")


def test_one_process_goes_on_where_two_have_ended(pair, alone, tmp_path):
    found = []
    for each in (pair, alone):
        shutil.copytree(each / "runs", tmp_path / each.name)
        run = keras_charrnn.resume(tmp_path / each.name / "tiny-001", epochs=4)
        found.append(run.history[-1]["loss"])
        assert len(run.history) == 4
    assert found[0] == pytest.approx(found[1], abs=1e-4)


@thorough
def test_two_workers_go_on_where_one_process_has_ended(alone, tmp_path):
    for name in ("one", "two"):
        recipe = shutil.copytree(alone / "runs" / "tiny-001", tmp_path / name) / "recipe.yaml"
        # What the chief sends is read as it was written: this is no "true", as in YAML 1.1.
        recipe.write_text(re.sub("(?m)^  prefix: .*$", "  prefix: on", recipe.read_text()))
    run = keras_charrnn.resume(tmp_path / "one", epochs=4)
    program("resume", tmp_path / "two", "--epochs", 4, "--workers", 2)
    assert keras_charrnn.Run.open(tmp_path / "two").history[-1]["loss"] == pytest.approx(
        run.history[-1]["loss"], abs=1e-4
    )


@thorough
@pytest.mark.parametrize("restarts", [[], ["--restarts", 1]])
def test_workers_who_wait_hear_that_nothing_goes_on(alone, tmp_path, restarts):
    recipe = shutil.copytree(alone / "runs" / "tiny-001", tmp_path / "run") / "recipe.yaml"
    for status, message in ((0, "run has finished; nothing is left to do"), (2, "model.units: is 9 now, and 8 so far")):
        with socket.create_server(("127.0.0.1", 0)) as free:
            group = {"MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
        # The run is on the chief's disk alone.
        workers = [
            program("resume", tmp_path / name, *restarts, environment={**group, "RANK": str(rank)}, wait=False)
            for rank, name in enumerate(("run", "nowhere"))
        ]
        outputs = [each.communicate()[0] for each in workers]
        assert [each.returncode for each in workers] == [status] * 2, outputs
        assert message in outputs[0] and (message in outputs[1]) == bool(status), outputs
        recipe.write_text(recipe.read_text().replace("units: 8", "units: 9"))


@thorough
def test_a_lost_worker_is_noticed_and_all_go_on_to_the_same_end(pair, tmp_path):
    recipe, runs = recipe_of(tmp_path), tmp_path / "runs"
    process = program("train", recipe, "--workers", 2, "--restarts", 1, "--runs", runs, wait=False)
    folder = RunFolder(runs / "tiny-001")
    while process.poll() is None and not (folder.path / "checkpoints" / "step-000000040.checkpoint").exists():
        time.sleep(0.01)
    os.kill(_child(process, "--quiet"), signal.SIGKILL)
    killed, before = time.monotonic(), len(folder.checkpoints.paths())
    newest = folder.checkpoints.paths()[0]
    while process.poll() is None and folder.checkpoints.paths()[0] == newest:
        time.sleep(0.01)
    assert time.monotonic() - killed < 30 and before
    output, _ = process.communicate()
    assert process.returncode == 0
    assert "worker 1 was ended by SIGKILL\nstarting all again, from step-" in output
    assert_same_run(pair / "runs" / "tiny-001", folder.path)


@thorough
def test_a_lost_chief_ends_all_within_ten_seconds_where_nothing_starts_again(tmp_path):
    process = program("train", recipe_of(tmp_path), "--workers", 2, wait=False)
    while not list(tmp_path.glob("runs/tiny-001/checkpoints/step-0000000*0.checkpoint")):
        time.sleep(0.01)
    other = _child(process, "--quiet")
    os.kill(_child(process, "--into"), signal.SIGKILL)
    killed = time.monotonic()
    output, _ = process.communicate()
    assert time.monotonic() - killed < 10
    assert process.returncode == 75 and output.endswith("keras-charrnn: worker 0 was ended by SIGKILL\n")
    assert not pathlib.Path(f"/proc/{other}").exists()


def _child(process, option):
    """Return the number of the worker that was started with an option."""
    while True:
        for each in pathlib.Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(each.read_text().rpartition(")")[2].split()[1])
                if parent == process.pid and option in each.with_name("cmdline").read_text().split("\0"):
                    return int(each.parent.name)
            except OSError:
                continue
        assert process.poll() is None


@thorough
@pytest.mark.parametrize("count", [1, 2, 4])
def test_any_number_of_workers_comes_to_the_weights_of_one_process(count, alone, tmp_path):
    recipe = recipe_of(tmp_path)
    by_hand(recipe, count, "--runs", tmp_path / "runs")
    if count > 1:
        assert RunFolder(tmp_path / "runs" / "tiny-001").read_environment()["network"]["by"] == "network"
    assert_near(state(tmp_path / "runs" / "tiny-001"), state(alone / "runs" / "tiny-001"), 1e-5)


@thorough
def test_everything_together_is_as_with_replicas_and_sigterm_to_any_ends_all_at_one_step(tmp_path):
    recipe = recipe_of(tmp_path, **EVERYTHING)
    program("train", recipe, "--runs", tmp_path / "one", "--set", "compute.replicas=2")
    by_hand(recipe, 2, "--runs", tmp_path / "two")
    one, two = state(tmp_path / "one" / "tiny-001"), state(tmp_path / "two" / "tiny-001")
    assert_near(one, two, 1e-4)
    processes = by_hand(recipe, 2, "--runs", tmp_path / "cut", "--set", "training.epochs=500", wait=False)
    while not list(tmp_path.glob("cut/tiny-001/checkpoints/step-0000000[2-9]0.checkpoint")):
        time.sleep(0.01)
    processes[1].send_signal(signal.SIGTERM)
    outputs = [each.communicate()[0] for each in processes]
    assert [each.returncode for each in processes] == [143, 143], outputs
    assert "Interrupted at step" in outputs[0] and outputs[1] == ""


@thorough
def test_gradients_added_up_in_bfloat16_train_nearly_as_well(pair, tmp_path):
    recipe = recipe_of(tmp_path, **{key: EVERYTHING[key] for key in ("model", "windows")})
    for name, precision in (("full", "float32"), ("half", "bfloat16")):
        by_hand(recipe, 2, "--runs", tmp_path / name, "--set", f"compute.reduce_precision={precision}")
    full, half = (keras_charrnn.Run.open(tmp_path / name / "tiny-001").history[-1] for name in ("full", "half"))
    assert full["loss"] != half["loss"] and full["loss"] == pytest.approx(half["loss"], rel=0.02)


@thorough
def test_workers_that_disagree_end_with_one_message(tmp_path):
    recipe = recipe_of(tmp_path)
    for change, message in (
        ("training.epochs=9", "differs in its recipe: training.epochs is 9, the chief's 3; give all the same"),
        ("corpus.path=other.txt", "worker 1 has another text than the chief: "),
    ):
        (tmp_path / "other.txt").write_text((tmp_path / "text.txt").read_text() + "more")
        with socket.create_server(("127.0.0.1", 0)) as free:
            group = {"MASTER_PORT": str(free.getsockname()[1]), "WORLD_SIZE": "2"}
        chief = program("train", recipe, environment={**group, "RANK": "0"}, wait=False)
        other = program("train", recipe, "--set", change, environment={**group, "RANK": "1"}, wait=False)
        outputs = [each.communicate()[0] for each in (chief, other)]
        assert all(message in each and "Traceback" not in each for each in outputs), outputs
        assert [each.returncode for each in (chief, other)] == [2, 2]
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--workers", "3000"], "3000 workers need as many cores; there are "),
        (["--workers", "0"], "workers must be 1 or more; received 0"),
        (["--workers", "1", "--restarts", "-1"], "restarts must be 0 or more; received -1"),
        (["--workers", "2", "--seeds", "2"], "--seeds and --workers exclude one another"),
        (["--set", "compute.workers=2"], "compute.workers is 2, and the environment tells of 1"),
    ],
)
def test_what_cannot_be_is_one_line_and_leaves_nothing(tiny, capsys, arguments, message):
    pathlib.Path("recipe.yaml").write_text(yaml.safe_dump(tiny))
    assert main(["train", "recipe.yaml", *arguments]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert not list(pathlib.Path().glob("runs/*"))


@thorough
def test_a_batch_that_does_not_divide_ends_all(tmp_path):
    recipe = recipe_of(tmp_path, windows={"batch_size": 5, "length": 8})
    process = program("train", recipe, "--workers", 2, wait=False)
    output, _ = process.communicate()
    assert process.returncode == 2
    assert "windows.batch_size 5 does not divide among 2 workers" in " ".join(output.split())
    assert not list((tmp_path / "runs").glob("*"))
