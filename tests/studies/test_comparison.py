import csv
import dataclasses
import io
import json
import math
import os
import pathlib
import signal

import keras
import pytest
import rich.console

import keras_charrnn
from keras_charrnn import GatedCell, register_cell
from keras_charrnn.errors import CharRNNError, CorpusError, RecipeError, SettingsError, WriteError
from keras_charrnn.recipe import read
from keras_charrnn.studies.comparison.clock import Clock
from keras_charrnn.studies.comparison.matching import count_parameters, match_units, units_of
from keras_charrnn.studies.comparison.results import Trial, Variant
from keras_charrnn.text import corpora
from tests.conftest import TEXT
from tests.kinds import of_each_kind

QUIET = rich.console.Console(quiet=True)
ONE_EPOCH = {"training.epochs": 1, "samples.every_epochs": 0}


def compare(tiny, cells, **options):
    options = {"overrides": ONE_EPOCH, "console": QUIET, **options}
    return keras_charrnn.compare(tiny, cells, **options)


def documents(comparison):
    text = (comparison.folder / "comparison.json").read_text()
    rows = list(csv.DictReader(io.StringIO((comparison.folder / "comparison.csv").read_text())))
    return json.loads(text), rows, (comparison.folder / "comparison.md").read_text()


@pytest.mark.parametrize("cell", of_each_kind(kinds=("gru", "min_gru")))
def test_the_units_of_every_cell_are_those_nearest_in_parameters(cell, tiny):
    vocabulary = keras_charrnn.Vocabulary(TEXT)
    settings = read(tiny, {"model.cell": cell}).model

    def parameters(units):
        model = keras_charrnn.CharRNN(vocabulary, cell, units, embedding=4)
        return sum(math.prod(weight.shape) for weight in model.trainable_weights)

    for wanted in (2_000, 40_000):
        units = match_units(settings, vocabulary, wanted)
        distances = {n: abs(parameters(n) - wanted) for n in (units - 1, units, units + 1)}
        assert distances[units] == min(distances.values())
    assert distances[units] <= 0.01 * wanted  # of 40,000; of 2,000 one unit may be more


def test_an_embedding_that_is_the_head_too_follows_the_units(tiny):
    vocabulary, settings = keras_charrnn.Vocabulary(TEXT), read(tiny, {"model": {"units": 32, "embedding": 32}}).model
    tied = dataclasses.replace(settings, tie_embedding=True)
    units = match_units(tied, vocabulary, count_parameters(settings, vocabulary))
    plan = read(tiny, {"model": vars(tied)} | units_of(units, tied)).model
    assert units > 32 and (plan.units, plan.embedding) == (units, units)
    assert match_units(tied, vocabulary, count_parameters(tied, vocabulary)) == 32


def test_the_recipes_own_cell_keeps_its_units_and_the_least_model_has_one(tiny):
    vocabulary, settings = keras_charrnn.Vocabulary(TEXT), read(tiny, {"model.units": 13}).model
    assert match_units(settings, vocabulary, count_parameters(settings, vocabulary)) == 13
    assert match_units(settings, vocabulary, 1) == 1


@pytest.mark.parametrize("again", [{2}, pytest.param({0, 1, 2}, marks=pytest.mark.thorough)])
def test_each_run_is_that_of_fit_and_the_table_is_made_of_them(tiny, again):
    """The trials of the numbers `again` are trained by `fit` too."""
    unsampled = {"samples.every_epochs": 0, "validation.every_steps": 20}
    options = {"grid": {"windows.length": [16]}, "rates": [1, 0.5], "overrides": {**unsampled, "compute.seed": 3}}
    comparison = compare(tiny, ["min_gru"], seeds=2, **options)
    (result,) = comparison.variants
    assert comparison.folder == pathlib.Path("runs/tiny-compare-001") and comparison.complete and not comparison.failed
    assert abs(result.parameters / comparison.facts["parameters"] - 1) < 0.03 and result.name.endswith("length 16")
    assert [each.seed for each in result.trials] == [3, 3, 4]
    halved, whole, other = result.trials
    assert (halved.rate, whole.rate) == (0.005, 0.01)
    assert other.rate == result.rate == min(halved, whole, key=lambda each: each.nats_per_character).rate
    for index, trial in enumerate(result.trials):
        run = alone = keras_charrnn.Run.open(comparison.folder / trial.run)
        recipe = read(run.folder / "recipe.yaml")
        assert (recipe.compute.seed, recipe.training.optimizer["learning_rate"]) == (trial.seed, trial.rate)
        if index in again:
            overrides = {**unsampled, "compute.seed": trial.seed, "model.units": result.units, "windows.length": 16}
            overrides |= {"model.cell": "min_gru", "training.optimizer": {"name": "adam", "learning_rate": trial.rate}}
            alone = keras_charrnn.fit(tiny, overrides, runs_dir="alone", console=QUIET)
        assert [row["val_loss"] for row in run.history] == [row["val_loss"] for row in alone.history]
        assert run.model.count_params() == result.parameters
        assert trial.nats_per_character == min(row["val_loss"] for row in alone.history)
        assert trial.seconds == run.history[-1]["seconds"]
        assert len(alone.progress) == 6  # two within each epoch, and its end
        characters = [row["step"] * 4 * 16 for row in alone.progress]  # of rows of a batch, of characters in a window
        assert [point[1:] for point in trial.curve] == [
            [seen, row["val_loss"]] for seen, row in zip(characters, alone.progress, strict=True)
        ]
    losses = [each.nats_per_character for each in result.trials if each.rate == result.rate]
    assert result.nats_per_character == pytest.approx((losses[0] + losses[1]) / 2)
    assert result.bits_per_character == pytest.approx((losses[0] + losses[1]) / 2 / math.log(2))
    assert result.spread == pytest.approx(abs(losses[0] - losses[1])) and result.spread > 0
    assert len({each.run for each in result.trials}) == 3
    document, rows, page = documents(comparison)
    assert [each["rate"] for each in document["variants"][0]["trials"]] == [0.005, 0.01, result.rate]
    assert float(rows[0]["rate"]) == result.rate and rows[0]["rate_at_edge"] == "True" and rows[0]["seeds"] == "2"
    assert document["seeds"] == [3, 4] and "seeds 3, 4" in page
    assert f" | {result.nats_per_character:.4f} | {result.bits_per_character:.4f} | {result.spread:.4f} | " in page
    assert f"| min_gru | 16 | {result.rate:g}* |" in page and "times 0.5, 1, each tried with seed 3" in page
    assert "* is the least or the largest rate that was tried: the best may lie beyond." in page


@pytest.mark.plots
@pytest.mark.thorough  # in the quick suite: tests/cli/test_compare.py's test of the table and the files
def test_the_files_have_the_table_the_recipe_the_machine_and_each_seed_and_a_terminal_has_it_as_it_grows(tiny):
    pytest.importorskip("matplotlib")
    file = io.StringIO()
    console = rich.console.Console(file=file, force_terminal=True, width=100)
    options = {"optimizers": ["adam", {"name": "sgd", "momentum": 0.9}], "match": "units"}
    comparison = compare(tiny, ["gru"], output="here/there", console=console, **options)
    out = file.getvalue()
    assert "study    trainings: 2, of rows: 2, seeds: 1\n" in out
    assert "training gru, adam, seed 0: compiling" in out and "epoch 1/1, 100%" in out and "chars/s" in out
    document, rows, page = documents(comparison)
    assert comparison.folder == pathlib.Path("here/there")
    with pytest.raises(CorpusError, match="are files of runs, such as here/there/"):
        corpora.load(path="here/**/*.md")
    assert [row["optimizer"] for row in rows] == ["adam", "sgd, momentum: 0.9"]
    assert [row["cell"] for row in rows] == ["gru", "gru"] and [row["units"] for row in rows] == ["8", "8"]
    assert read(document["recipe"]) == read(tiny, ONE_EPOCH)
    assert document["machine"]["precision"] == "float32" and document["versions"]["keras"] == keras.__version__
    assert document["seeds"] == [0] and document["complete"] and document["parameters"] is None
    for row, variant, result in zip(rows, document["variants"], comparison.variants, strict=True):
        assert float(row["nats_per_character"]) == variant["nats_per_character"] == result.nats_per_character
        (trial,) = variant["trials"]
        assert trial["seed"] == 0 and result.seconds == pytest.approx(trial["curve"][-1][0])
        figures = f"{result.nats_per_character:.4f} | {result.bits_per_character:.4f} | "
        line = f"| gru | {row['optimizer']} | 8 | {result.parameters:,} | {result.characters_per_second:,} | {figures}"
        assert f"{line} | {result.seconds:,.1f} |" in page
    assert "the recipe's units" in page and "the seeds 0, in" in page and "note" not in page
    optimizers = [{"name": "adam", "learning_rate": 0.01}, {"name": "sgd", "learning_rate": 0.003, "momentum": 0.9}]
    assert document["varies"] == {"model.cell": [{"name": "gru"}], "training.optimizer": optimizers}
    for result, optimizer in zip(comparison.variants, optimizers, strict=True):
        for trial in result.trials:
            assert read(comparison.folder / trial.run / "recipe.yaml").training.optimizer == optimizer
    for name in ("loss_by_seconds", "loss_by_characters"):
        assert (comparison.folder / f"{name}.png").read_bytes().startswith(b"\x89PNG")


def test_a_cell_that_fails_is_a_row_that_says_why_and_the_others_go_on(tiny):
    @register_cell("broken_step")
    class Broken(GatedCell):
        gates, states = ("candidate",), ("h",)

        def combine(self, zx, zr, states):
            raise ZeroDivisionError("nothing works")

    @register_cell("explosive")
    class Explosive(GatedCell):
        gates, states = ("candidate",), ("h",)

        def combine(self, zx, zr, states):
            return {"h": (zx + zr + 1) * 1e30}

    cells = ["broken_step", {"name": "lstm", "nonsense": 1}, "explosive", "gru"]
    comparison = compare(tiny, cells)
    document, rows, page = documents(comparison)
    assert comparison.failed == ["broken_step", "lstm, nonsense: 1", "explosive"] and comparison.complete
    reasons = [row["error"] for row in rows]
    assert "nothing works" in reasons[0]
    assert "the cell 'lstm' refuses the arguments {'nonsense': 1}" in reasons[1]
    assert reasons[2].startswith("seed 0: the training diverged at step 1: loss nan")
    assert reasons[3] == "" and float(rows[3]["nats_per_character"]) > 0
    assert [row["nats_per_character"] for row in rows[:3]] == [""] * 3 and "| failed: " in page
    assert [each["error"] for each in document["variants"]] == reasons


@pytest.mark.thorough
def test_the_cells_arguments_reach_it_and_the_recipes_own_keeps_its_and_without_matplotlib_there_are_tables(tiny):
    tiny["model"]["cell"] = {"name": "rhn", "depth": 1}
    file = io.StringIO()
    cells = ["rhn", {"name": "rhn", "depth": 2}]
    comparison = compare(tiny, cells, match="units", console=rich.console.Console(file=file))
    assert "pip install 'keras-charrnn[plots]'" in file.getvalue()
    assert not list(comparison.folder.glob("*.png")) and (comparison.folder / "comparison.csv").is_file()
    own, deeper = comparison.variants
    assert (own.name, deeper.name) == ("rhn", "rhn, depth: 2") and own.parameters < deeper.parameters
    for result, depth in ((own, 1), (deeper, 2)):
        recipe = read(comparison.folder / result.trials[0].run / "recipe.yaml")
        assert recipe.model.cell == {"name": "rhn", "depth": depth}


def test_mean_spread_and_speed_are_those_by_hand_and_failed_trials_count_for_nothing():
    trials = [Trial(0, None, 1.5, 1, 3.0, [100, 300]), Trial(1, None, 1.2, 1, 6.0, [200, 900])]
    trials += [Trial(2, speeds=[1], error="lost\nmore"), Trial(3, error="lost\nmore")]
    row = Variant({"cell": "gru"}, {}, 8, 99, trials=trials).row()
    assert row["nats_per_character"] == pytest.approx(1.35) and row["spread"] == pytest.approx(0.3)
    assert row["characters_per_second"] == 250 and row["seeds"] == 2 and row["error"] == "seed 2, 3: lost"
    assert row["seconds"] == 4.5 and row["rate"] is None
    assert Variant({"cell": "gru"}, {}, trials=trials[:1]).spread is None


def test_the_speed_leaves_out_the_first_steps_of_an_epoch(monkeypatch):
    # Begin, three calls with a look after each, of 10, 1 and 0 seconds; begin, the only call.
    times = iter([0, 50, 50, 60, 61, 61, 62, 64, 64, 64, 70, 74])
    monkeypatch.setattr("keras_charrnn.studies.comparison.clock.time.perf_counter", lambda: next(times))
    told = []
    clock = Clock(10, told.append)
    clock.set_params({"steps": 9, "epochs": 2})
    clock.on_epoch_begin(0)
    for last in (3, 7, 11):  # the last number passes the end
        clock.on_train_batch_end(last)
        clock.on_test_begin()  # a look, which takes no time of the training
        clock.on_test_end()
    clock.on_epoch_end(0)
    clock.on_epoch_begin(1)
    clock.on_train_batch_end(8)
    clock.on_epoch_end(1)
    assert clock.speeds == [round(10 * (9 - 4) / 3), round(10 * 9 / 4)]
    assert told[0] == "epoch 1/2, 44%" and told[2] == "epoch 1/2, 100%"


@pytest.mark.filterwarnings("ignore")
def test_ctrl_c_keeps_what_is_done(tiny, monkeypatch):
    from keras_charrnn.studies.comparison import training as module

    fit, calls = module.fit, []

    def interrupted(*arguments, callbacks, **options):
        calls.append(1)
        if len(calls) == 2:
            press = keras.callbacks.LambdaCallback(
                on_train_batch_end=lambda batch, logs: os.kill(os.getpid(), signal.SIGINT)
            )
            callbacks = [*callbacks, press]
        return fit(*arguments, callbacks=callbacks, **options)

    monkeypatch.setattr(module, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compare(tiny, ["gru", "lstm", "mgu"], output="here")
    document = json.loads(pathlib.Path("here/comparison.json").read_text())
    assert not document["complete"]
    assert [len(each["trials"]) for each in document["variants"]] == [1, 0, 0]
    assert keras_charrnn.resume("here/lstm-001", console=QUIET).metrics["val_loss"] > 0  # the run goes on by itself


def test_a_full_disk_ends_it(tiny, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(WriteError, match="cannot be written: No space left on device"):
        compare(tiny, ["gru", "lstm"])


@pytest.mark.parametrize(
    ("cells", "options", "message"),
    [
        (["gru", "ltsm"], {}, "cells\\[1\\]: unknown cell 'ltsm', did you mean 'lstm'"),
        (["gru", 7], {}, "cells\\[1\\]"),
        (["gru", "gru"], {}, "cells: gru is there twice"),
        ("gru", {}, "cells: must be a list of one or more values, not 'gru'"),
        (7, {}, "cells: must be a list of one or more values, not 7"),
        ([], {}, "nothing varies; write cells, optimizers or a grid, as in --cells gru,lstm"),
        (["gru"], {"match": "size"}, "match must be parameters or units; received 'size'"),
        (["gru"], {"seeds": 0}, "seeds must be a whole number of 1 or more; received 0"),
        (["gru"], {"parameters": 1.5}, "parameters must be a whole number of 1 or more; received 1.5"),
        (["gru"], {"parameters": 9, "match": "units"}, "parameters cannot be matched along with units"),
        (["gru"], {"parameters": 9, "grid": {"model.units": [4]}}, "cannot be matched where model.units varies"),
        (
            ["gru"],
            {"rates": [1]},
            r"rates must be two or more different numbers above 0, as in 0.5, 1, 2; received \[1\]",
        ),
        (["gru"], {"rates": [1, 1.0]}, "rates must be two or more different numbers"),
        (["gru"], {"rates": [0, 1]}, "rates must be two or more different numbers"),
        (["gru"], {"rates": "12"}, "rates must be two or more different numbers"),
        (["gru"], {"overrides": {"model.unit": 3}}, "did you mean 'units'"),
        (["gru"], {"output": "text.txt"}, "the folder text.txt cannot be made"),
        (["gru"], {"output": "."}, "output must be a new or empty folder"),
    ],
)
def test_what_allows_no_run_is_an_error_and_writes_nothing(cells, options, message, tiny, tmp_path):
    with pytest.raises(CharRNNError, match=message) as caught:
        compare(tiny, cells, **options)
    assert isinstance(caught.value, RecipeError | SettingsError)
    assert [each.name for each in tmp_path.iterdir()] == ["text.txt"]
