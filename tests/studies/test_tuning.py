import csv
import io
import json
import math
import os
import pathlib
import shutil
import signal
import sys

import keras
import pytest
import rich.console
import yaml

import keras_charrnn
from keras_charrnn.common.files import lock
from keras_charrnn.errors import CharRNNError, CorpusError, ExtraError, RecipeError, RunError, SettingsError
from keras_charrnn.recipe import read
from keras_charrnn.studies.tuning import Search
from keras_charrnn.studies.tuning.results import DONE, FAILED, OUT_OF_TIME, PRUNED
from keras_charrnn.studies.tuning.study import Study
from keras_charrnn.text import corpora
from tests.conftest import tiny_recipe

pytest.importorskip("optuna")

QUIET = rich.console.Console(quiet=True)
RATE = "training.optimizer.learning_rate"
GOOD, BAD = 0.02, 1e-6


def searched_recipe(folder):
    """Return a recipe of which one of two learning rates is obviously better."""
    return {**tiny_recipe(folder), "samples": {"every_epochs": 0}, "tune": {RATE: [BAD, GOOD]}}


@pytest.fixture
def searched(tmp_path):
    return searched_recipe(tmp_path)


@pytest.fixture
def whole(once):
    """Return the recipe's search, done once for all tests, whose folder must stay as it is."""

    def make(folder):
        search = tune(searched_recipe(folder), output=folder / "search")  # it ends by itself, both having been tried
        assert Search.read(search.folder).trials == search.trials

    return Search.read(once("searched", make) / "search")


@pytest.fixture
def copied(whole):
    """Return the folder of a copy of the search, and a function that changes what its file says of a trial."""
    folder = pathlib.Path(shutil.copytree(whole.folder, "copied"))

    def change(number, **values):
        document = json.loads((folder / "tune.json").read_text())
        document["trials"][number - 1] |= values
        (folder / "tune.json").write_text(json.dumps(document))

    return folder, change


def tune(source, **options):
    return keras_charrnn.tune(source, **{"minutes": 5, "console": QUIET, **options})


def figures(search):
    """Return what must be the same whenever a search is repeated."""
    return [(each.number, each.values, each.state, each.losses, each.error) for each in search.trials]


def in_this_order(monkeypatch, *values):
    """Have the search propose learning rates in an order that is known."""
    monkeypatch.setattr(Study, "propose", lambda self, trials: {RATE: values[len(trials)]})


def test_a_search_finds_the_better_of_two_choices_and_writes_a_recipe_that_trains(whole):
    with pytest.raises(CorpusError, match="are files of runs, such as "):
        corpora.load(path=f"{whole.folder.parent}/*/*.md")
    search = whole
    assert search.best.values == {RATE: GOOD}
    assert sorted(each.values[RATE] for each in search.trials) == [BAD, GOOD]
    best = read(search.folder / "best.yaml")
    assert "tune" not in yaml.safe_load((search.folder / "best.yaml").read_text())
    assert best == read({**search.facts["recipe"], "tune": None}, {RATE: GOOD})
    run = keras_charrnn.fit(search.folder / "best.yaml", runs_dir="alone", console=QUIET)
    assert [row["val_loss"] for row in run.history] == search.best.losses
    own = keras_charrnn.Run.open(search.folder / search.best.run)
    assert own.model.generate(prefix="the ", length=5).startswith("the ")
    assert [row["val_loss"] for row in own.history] == search.best.losses

    document = json.loads((search.folder / "tune.json").read_text())
    rows = list(csv.DictReader(io.StringIO((search.folder / "tune.csv").read_text())))
    page = (search.folder / "tune.md").read_text()
    assert document["best"] == search.best.number and read(document["recipe"]).tune == {RATE: [BAD, GOOD]}
    assert document["trials"][search.best.number - 1]["bits_per_character"] == pytest.approx(
        min(search.best.losses) / math.log(2)
    )
    for row, trial in zip(rows, search.trials, strict=True):
        assert float(row[RATE]) == trial.values[RATE] and float(row["nats_per_character"]) == trial.nats_per_character
        assert f"| {trial.number} | {trial.values[RATE]:g} | {len(trial.losses)} | " in page
    assert f"| {search.best.nats_per_character:.4f} | done, best |" in page


@pytest.mark.thorough
def test_a_search_that_goes_on_repeats_no_trial_and_ends_as_one_that_was_not_interrupted(searched):
    searched["tune"] = {RATE: {"from": 0.001, "to": 0.1, "log": True}, "model.units": {"from": 4, "to": 8}}
    searched["training"]["epochs"] = 1
    whole = tune(searched, trials=2)
    assert whole.folder == pathlib.Path("runs/tiny-tune-001")
    assert Search.read(whole.folder).trials == whole.trials
    file = io.StringIO()
    console = rich.console.Console(file=file, force_terminal=True, width=100)
    parts = tune(searched, trials=1, output="parts", console=console)
    out = file.getvalue()  # a terminal has the table as it grows
    assert f"trial 1, {RATE} " in out and "compiling" in out and "epoch 1/1, 100%" in out and "done, best" in out
    model = parts.folder / parts.trials[0].run / "model.keras"
    written = model.stat().st_mtime_ns
    parts = tune("parts", trials=2)
    assert figures(parts) == figures(whole) and len(parts.trials) == 2
    assert model.stat().st_mtime_ns == written
    assert len({tuple(each.values.items()) for each in parts.trials}) == 2
    assert all(0.001 <= each.values[RATE] <= 0.1 and each.values["model.units"] in range(4, 9) for each in parts.trials)


@pytest.mark.thorough  # the next has a search that ends in a trial
@pytest.mark.filterwarnings("ignore")
def test_ctrl_c_in_a_trial_keeps_all_and_the_search_goes_on_in_its_midst(searched, whole, monkeypatch):
    from keras_charrnn.studies.tuning import training as module

    fit = module.fit

    class Press(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if int(self.model.windows_done) > 90:  # in the second epoch
                os.kill(os.getpid(), signal.SIGINT)

    def interrupted(*arguments):
        *rest, callbacks, console = arguments
        return fit(*rest, [*callbacks, Press()] if rest[-1] == "trial-002" else callbacks, console)

    monkeypatch.setattr(module, "fit", interrupted)
    file = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        tune(searched, output="parts", console=rich.console.Console(file=file))
    assert "to go on with the search:\n    keras-charrnn tune parts --minutes 5\n" in file.getvalue()
    before = json.loads(pathlib.Path("parts/tune.json").read_text())
    assert [each["state"] for each in before["trials"]] == ["done", "not ended"] and before["best"] == 1
    parts = tune("parts")
    assert figures(parts) == figures(whole)
    assert sorted(each.name for each in parts.folder.glob("trial-*")) == ["trial-001-001", "trial-002-001"]


def test_a_run_that_ended_as_the_search_was_killed_is_not_trained_again(whole, copied, monkeypatch):
    folder, change = copied
    change(2, state="not ended", losses=[], run="", seconds=0.0)
    monkeypatch.setattr("keras_charrnn.studies.tuning.training.fit", None)
    search = tune(folder)
    assert figures(search) == figures(whole) and search.trials[1].run == whole.trials[1].run


@pytest.mark.thorough
def test_a_trial_that_falls_behind_is_ended_early(searched, monkeypatch):
    in_this_order(monkeypatch, GOOD, BAD, 2 * BAD)
    search = tune(searched, trials=2)
    assert [(each.state, len(each.losses)) for each in search.trials] == [(DONE, 2), (PRUNED, 1)]
    assert search.best.number == 1
    assert keras_charrnn.Run.open(search.folder / search.trials[1].run).metrics["epoch"] == 1


def test_a_trial_that_fails_is_a_row_that_says_why_and_five_in_a_row_end_the_search(searched):
    cells = [{"name": "lstm", "nonsense": number} for number in range(7)]
    searched["tune"] = {"model.cell": cells}
    search = tune(searched)
    assert [each.state for each in search.trials] == [FAILED] * 5 and search.best is None
    assert all("the cell 'lstm' refuses the arguments" in each.error for each in search.trials)
    assert "the cell 'lstm' refuses" in (search.folder / "tune.md").read_text()
    assert not (search.folder / "best.yaml").exists()


def test_the_time_that_is_over_ends_the_trial_under_way_and_lets_none_begin(searched):
    searched["training"]["epochs"] = 100_000
    search = tune(searched, minutes=0.03)
    assert [each.state for each in search.trials] == [OUT_OF_TIME] and search.best is search.trials[0]
    assert 0 < search.trials[0].seconds < 60 * 0.03 + 2


def test_no_trial_begins_for_which_there_is_less_time_than_the_quickest_took(copied, monkeypatch):
    folder, change = copied
    change(1, seconds=301.0)
    change(2, seconds=302.0)
    monkeypatch.setattr(Study, "propose", None)
    assert len(tune(folder, minutes=5).trials) == 2


def test_what_allows_no_search_is_an_error_and_writes_nothing(searched, tiny, tmp_path):
    for source, options, kind, message in [
        (tiny, {}, RecipeError, "tune: is missing; write keys to search"),
        (searched, {"minutes": 0}, SettingsError, "minutes must be a number above 0; received 0"),
        (searched, {"minutes": math.inf}, SettingsError, "minutes must be a number above 0"),
        (searched, {"trials": 0}, SettingsError, "trials must be a whole number of 1 or more; received 0"),
        (searched, {"output": "text.txt"}, SettingsError, "the folder text.txt cannot be made"),
        (searched, {"output": "."}, SettingsError, "output must be a new or empty folder"),
        (searched, {"overrides": {"tune": {"model.units": [0]}}}, RecipeError, r"tune.model.units\[0\]"),
        ({**searched, "corpus": {"path": "none.txt"}}, {}, CharRNNError, "none.txt"),
        ("runs", {}, RecipeError, "no such file"),
    ]:
        with pytest.raises(kind, match=message):
            tune(source, **options)
    assert [each.name for each in tmp_path.iterdir()] == ["text.txt"]


def test_a_search_goes_on_as_it_began_or_says_why_not(searched, copied):
    folder, _ = copied
    path, whole = folder / "tune.json", (folder / "tune.json").read_text()
    with pytest.raises(SettingsError, match="leave out overrides and output"):
        tune(folder, overrides={"model.units": 3})
    with pytest.raises(SettingsError, match=r"to go on with it:\n    keras-charrnn tune copied --minutes 5$"):
        tune(searched, output=folder)
    with lock(folder / "lock", "taken"), pytest.raises(RunError, match="is being searched by another process"):
        tune(folder)
    for damage in (
        whole[:-20],
        "[]",
        whole.replace('"number": 1', '"number": 2'),
        whole.replace('"run": "', '"run": "../'),
        whole.replace('"state": "done"', '"state": "well"'),
        whole.replace(f'"{RATE}": {GOOD}', f'"{RATE}": 7'),
    ):
        assert damage != whole
        path.write_text(damage)
        with pytest.raises(RunError, match=r"tune\.json is damaged"):
            tune(folder)
    path.write_text(whole.replace('"sha256": "', '"sha256": "0'))
    with pytest.raises(RunError, match=r"is not the text that .* began with"):
        tune(folder)


def test_without_optuna_the_extra_is_named(searched, monkeypatch, tmp_path):
    for name in [name for name in sys.modules if name.partition(".")[0] == "optuna"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)  # an import of it fails now
    with pytest.raises(ExtraError, match=r'pip install "keras-charrnn\[tune\]"'):
        tune(searched)
    assert [each.name for each in tmp_path.iterdir()] == ["text.txt"]


def test_train_does_not_look_at_the_search(searched):
    run = keras_charrnn.fit(searched, {"training.epochs": 1}, console=QUIET)
    assert read(run.folder / "recipe.yaml").training.optimizer["learning_rate"] == 0.01
