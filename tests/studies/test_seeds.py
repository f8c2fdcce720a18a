"""Trainings from several seeds. Most have a program in place of ours that copies a run, or fails: it starts quickly."""

import io
import os
import pathlib
import signal
import sys
import threading
import time

import pytest
import tensorflow as tf
import yaml

from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError, SeedsError, SettingsError
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.studies import seeds
from keras_charrnn.studies.seeds import train_seeds
from keras_charrnn.studies.shares import Share, divide

PROGRAM = """
import json, pathlib, shutil, signal, sys
seed, folder = int(sys.argv[4].removeprefix("compute.seed=")), pathlib.Path(sys.argv[-1])
assert sys.argv[1] == "train" and pathlib.Path(sys.argv[2]).is_file() and not any(folder.iterdir())
if seed in (11, 12):
    sys.exit("keras-charrnn: no luck" if seed == 11 else 7)
if seed in (21, 22):
    print("keras-charrnn: what a recipe", file=sys.stderr)
    sys.exit(2)
if seed in (31, 32):
    signal.signal(signal.SIGINT, lambda *_: [(folder / "asked").open("a").write("x"), sys.exit(130)])
shutil.copytree(RUN, folder, dirs_exist_ok=True)
metrics = folder / "metrics.jsonl"
rows = [json.loads(line) for line in metrics.read_text().splitlines()]
rows = [{**row, "val_loss": 2 + seed / 10 - row["epoch"]} if "val_loss" in row else row for row in rows]
if seed in (41, 42):
    part = {"val_part_loss": seed / 100, "val_part_bits_per_character": 1.0}
    rows = [{**row, **part} if "within" in row else row for row in rows]
metrics.write_text("".join(json.dumps(row) + chr(10) for row in rows))
while seed in (31, 32):
    (folder / "ready").touch()
    signal.pause()
"""


@pytest.fixture
def program(trained, monkeypatch, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(PROGRAM.replace("RUN", repr(str(trained.folder))))
    monkeypatch.setattr(seeds, "PROGRAM", (sys.executable, "-S", "-E", str(path)))
    monkeypatch.setattr(seeds, "PAUSE", 0.02)


def from_seed(recipe, seed):
    return {**recipe, "compute": {**recipe["compute"], "seed": seed}}


@pytest.mark.usefixtures("program")
def test_each_seed_has_a_run_and_together_they_have_a_mean(tiny, console):
    runs = train_seeds(from_seed(tiny, 5), 3, console=console, name="poem")
    assert [run.folder for run in runs] == [pathlib.Path(f"runs/poem-00{number}") for number in (1, 2, 3)]
    text = console.export_text()
    assert "corpus   text: 3,280 characters\nseeds    5, 6, 7; " in text
    for number, seed in enumerate((5, 6, 7), start=1):
        assert f"run      runs/poem-00{number}, seed {seed}\n" in text
        assert f"seed {seed}  epoch 2/2  train " in text
        assert f"seed {seed}  runs/poem-00{number}  best validation loss 0.{seed}000 nats (" in text
    assert (
        "best validation loss of 3 seeds: mean 0.6000 nats per character, from 0.5000 to 0.7000, standard deviation "
        "0.1000\ntogether, as an ensemble:\n"
        "    keras-charrnn evaluate runs/poem-001+runs/poem-002+runs/poem-003\n"
        "    keras-charrnn sample runs/poem-001+runs/poem-002+runs/poem-003\n"
        "as one model that learns from them:\n"
        "    keras-charrnn train runs/poem-001/recipe.yaml --set "
        "teacher.from=runs/poem-001+runs/poem-002+runs/poem-003\n"
    ) in text


@pytest.mark.usefixtures("program")
def test_the_loss_of_looks_at_a_part_is_that_of_each(tiny, console):
    train_seeds(from_seed(tiny, 41), 2, console=console)
    text = console.export_text()
    assert (
        "seed 42  runs/tiny-002  best validation loss 0.4200 nats (0.6059 bits) on the part that looks read\n" in text
    )
    assert "best validation loss of 2 seeds: mean 0.4150 nats per character, from 0.4100 to 0.4200" in text


@pytest.mark.usefixtures("program")
def test_one_that_fails_does_not_end_the_others(tiny, console):
    with pytest.raises(SeedsError, match="2 of 4 trainings failed\nseed 11: no luck\nseed 12: its process ended "):
        train_seeds(from_seed(tiny, 10), 4, console=console)
    text = console.export_text()
    assert "\nseed 11  failed\n" in text and "best validation loss of 2 seeds: mean " in text
    # Their folders are left to nobody: the last took the next number, or that of one that had failed meanwhile.
    assert len(list(pathlib.Path("runs").iterdir())) == 2
    assert SeedsError.exit_status == 1


@pytest.mark.usefixtures("program")
def test_one_mistake_of_all_is_told_once(tiny, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(yaml.safe_dump(from_seed(tiny, 21)).encode())))
    assert main(["train", "-", "--seeds", "2", "--quiet"]) == 2
    assert capsys.readouterr() == ("", "keras-charrnn: what a recipe\n")
    assert list(pathlib.Path("runs").iterdir()) == []


@pytest.mark.usefixtures("program")
def test_ctrl_c_asks_each_once_and_says_how_to_go_on(tiny, console):
    count = len(divide(2))  # 1 on a machine of one core, where the other one never begins

    def interrupt():
        while len(list(pathlib.Path().glob("runs/*/ready"))) < count:
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        train_seeds(from_seed(tiny, 31), 2, console=console)
    begun = sorted(pathlib.Path("runs").iterdir())
    assert [(each / "asked").read_text() for each in begun] == ["x"] * count
    lines = "".join(f"    keras-charrnn resume {each}\n" for each in begun)
    assert f"Interrupted; {count} of 2 trainings can go on, each by itself:\n{lines}" in console.export_text()


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "2"])
def test_a_number_of_seeds_that_is_none_is_told(tiny, number):
    with pytest.raises(SettingsError, match="seeds must be a whole number of 1 or more; received "):
        train_seeds(tiny, number)


def test_what_is_wrong_with_a_recipe_is_told_before_anything_begins(tiny, capsys):
    pathlib.Path("r.yaml").write_text(yaml.safe_dump(tiny))
    assert main(["train", "r.yaml", "--seeds", "0"]) == 2
    assert capsys.readouterr().err == "keras-charrnn: seeds must be a whole number of 1 or more; received 0\n"
    with pytest.raises(RecipeError, match=r"model\.units"):
        train_seeds(tiny, 2, {"model.units": 0})
    assert not pathlib.Path("runs").exists()


@pytest.mark.parametrize(
    ("count", "cores", "gpus", "shares"),
    [
        (2, 4, 0, [Share((0, 2)), Share((1, 3))]),
        (2, 3, 0, [Share((0, 2)), Share((1,))]),
        (5, 2, 0, [Share((0,)), Share((1,))]),
        (1, 2, 0, [Share((0, 1))]),
        (4, 8, 2, [Share((0, 2, 4, 6), "4"), Share((1, 3, 5, 7), "7")]),
        (4, 1, 2, [Share((0,), "4"), Share((0,), "7")]),
    ],
)
def test_the_machine_is_divided_among_those_that_go_on_at_once(monkeypatch, count, cores, gpus, shares):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU"] * gpus)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    assert divide(count) == shares
    monkeypatch.delattr(os, "sched_getaffinity")  # as on other systems than Linux
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    assert divide(count) == shares


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processes have no share of the cores here")
def test_a_share_is_that_of_the_processes_which_are_started_within(monkeypatch):
    before = os.sched_getaffinity(0)
    with Share((min(before),)).held():
        assert os.sched_getaffinity(0) == {min(before)}
    assert os.sched_getaffinity(0) == before
    monkeypatch.delattr(os, "sched_setaffinity")
    with Share((min(before),)).held():
        assert os.sched_getaffinity(0) == before


def test_a_process_trains_in_the_folder_that_was_kept_for_it(tiny):
    pathlib.Path("r.yaml").write_text(yaml.safe_dump(tiny))
    folder = RunFolder.reserve("runs", "tiny").path
    own = ["--set", "compute.seed=3", "--set", "training.epochs=1"]
    assert main(["train", "r.yaml", *own, "--quiet", "--into", str(folder)]) == 0
    run = Run.open(folder)
    assert len(run.history) == 1 and run.model.settings.units == 8
    assert yaml.safe_load((folder / "recipe.yaml").read_text())["compute"]["seed"] == 3


@pytest.mark.thorough
def test_two_real_trainings_are_those_of_fit(tiny, console):
    runs = train_seeds(tiny, 2, console=console)
    losses = [[row["loss"] for row in run.history] for run in runs]
    assert losses[0] != losses[1] and all(len(each) == 2 for each in losses)
    pathlib.Path("r.yaml").write_text(yaml.safe_dump(tiny))
    assert main(["train", "r.yaml", "--quiet", "--name", "alone"]) == 0
    assert losses[0] == pytest.approx([row["loss"] for row in Run.open("runs/alone-001").history], rel=1e-4)
