"""A run whose recipe.yaml was edited before it goes on: each change has effect and is said, or is refused."""

import shutil

import pytest
import yaml

import keras_charrnn
from keras_charrnn import recipe
from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.recipe.overrides import apply_overrides
from keras_charrnn.runs import RunFolder
from keras_charrnn.runs.checkpoints import Checkpoint
from keras_charrnn.training import model_of
from keras_charrnn.training.callbacks.checkpointing import _matching
from keras_charrnn.training.changes import adapted, changes, goes_on, recorded
from keras_charrnn.training.optimization import make_optimizer
from keras_charrnn.training.parts import _steps_per_execution


@pytest.fixture
def folder(trained, tmp_path):
    """A copy of a run of two epochs that has finished."""
    return RunFolder(shutil.copytree(trained.folder, tmp_path / "run"))


def edit(folder, **changed):
    """Change keys of a run's recipe.yaml: `edit(folder, **{"training.epochs": 3})`."""
    mapping = yaml.safe_load(folder.recipe.read_text(encoding="utf-8"))
    folder.recipe.write_text(yaml.safe_dump(apply_overrides(mapping, changed, [])), encoding="utf-8")


@pytest.mark.parametrize(
    ("key", "value", "before"),
    [
        ("model.units", 9, "8"),
        ("model.cell", "lstm", r"\{'name': 'gru'\}"),
        ("model.dropout", 0.5, "0.0"),
        ("model.zoneout", {"h": 0.1}, "0.0"),
        ("windows.length", 16, "8"),
        ("windows.random_offset", False, "true"),
        ("split.train", 0.6, "0.7"),
        ("vocabulary.unknown", "drop", "'error'"),
        ("training.optimizer", "sgd", r"\{'name': 'adamw'\}"),
        ("training.optimizer.weight_decay", 0.5, r"\{'name': 'adamw'\}"),
        ("training.schedule", "cosine", r"\{'name': 'constant'\}"),
        ("training.average", 0.9, "null"),
        ("training.clip_norm", 2.0, "null"),
        ("states.reset", "window", "'epoch'"),
        ("validation.every_steps", 10, "0"),
        ("compute.seed", 7, "0"),
        ("compute.precision", "bfloat16", "'float32'"),
    ],
)
def test_what_cannot_change_on_the_way_is_refused_by_its_key(folder, console, key, value, before):
    edit(folder, **{key: value, "training.epochs": 3})
    written = folder.metrics.read_text()
    path = "training.optimizer" if key.startswith("training.optimizer") else key
    with pytest.raises(RecipeError, match=rf"recipe\.yaml: 1 problem\n  - {path}: is .* now, and {before} so far"):
        keras_charrnn.resume(folder.path, console=console)
    assert folder.metrics.read_text() == written


def test_all_that_cannot_change_is_told_at_once_and_fewer_epochs_than_begun(folder, console):
    edit(folder, **{"model.units": 9, "windows.length": 16, "training.epochs": 1})
    with pytest.raises(RecipeError, match=r"3 problems\n(.*\n)*.*training\.epochs: is 1 now, and 2 have begun"):
        keras_charrnn.resume(folder.path, console=console)


def test_a_run_is_not_evaluated_on_another_split_than_it_was_trained_with(folder):
    edit(folder, **{"split": {"train": 0.5, "validation": 0.5, "test": 0}})
    with pytest.raises(
        SettingsError, match=r"by its split, train has 1,640 characters of the text, and 2,296 in the training; bring"
    ):
        keras_charrnn.evaluate(folder.path)


def test_a_finished_run_that_changes_do_not_let_go_on_says_what_would(folder, console):
    edit(folder, **{"samples.length": 7})
    keras_charrnn.resume(folder.path, console=console)
    assert "has finished; nothing is left to do; more training.epochs would let it go on" in console.export_text()


def test_changes_that_fight_are_refused(folder, console):
    stopping = {"name": "keras.callbacks.EarlyStopping", "monitor": "val_loss", "patience": 5}
    edit(folder, **{"training.patience": 3, "training.epochs": 3, "callbacks": [stopping]})
    with pytest.raises(RecipeError, match=r"EarlyStopping: ends the run by the validation loss, as training\.patience"):
        keras_charrnn.resume(folder.path, console=console)


def test_what_may_change_has_effect_and_is_said(folder, console):
    first = folder.read_metrics()
    changed = {
        "training.epochs": 3,
        "training.optimizer.learning_rate": 0.001,
        "samples": {"every_epochs": 3, "length": 7, "temperatures": [0], "prefix": "the "},
        "callbacks": [{"name": "keras.callbacks.EarlyStopping", "monitor": "loss", "patience": 5}],
        "name": "another",
    }
    edit(folder, **changed)
    run = keras_charrnn.resume(folder.path, console=console)
    shown = console.export_text()
    assert "changed  training.epochs: 3, 2 so far\n" in shown
    assert "changed  training.optimizer.learning_rate: 0.001, 0.003 so far\n" in shown
    assert "changed  samples.length: 7, 300 so far\n" in shown and "changed  name" not in shown
    assert run.history[:2] == first
    assert run.history[2]["learning_rate"] == pytest.approx(0.001)
    assert len((folder.samples / "epoch-003.txt").read_text().splitlines()[1]) == len("the ") + 7
    again = keras_charrnn.resume(run)  # with the recipe that it has now
    assert again.history == run.history
    newest = folder.checkpoints.newest()
    assert not changes(recipe.read(folder.recipe), newest, folder.recipe)
    assert {"choosing/ModelCheckpoint", "EarlyStopping"} <= {name for name, _ in newest.facts["memories"]}


def test_patience_that_is_new_remembers_nothing_of_a_callback_of_its_kind():
    best, users = {"best": 1.5}, {"wait": 2}
    names = ["choosing/ModelCheckpoint", "choosing/EarlyStopping", "EarlyStopping"]
    saved = [["choosing/ModelCheckpoint", best], ["EarlyStopping", users]]
    assert _matching(saved, names) == [best, {}, users]
    saved.insert(1, ["choosing/EarlyStopping", {"wait": 1}])
    assert _matching(saved, [names[0], names[2]]) == [best, users]  # and none when it is taken out
    earlier = [["ModelCheckpoint", best], ["EarlyStopping", {"wait": 1}], ["EarlyStopping", users]]
    assert _matching(earlier, names) == [best, {"wait": 1}, users]


@pytest.mark.parametrize(
    ("before", "now", "on"),
    [
        ({"training.epochs": 2}, {"training.epochs": 3}, True),
        ({"training.epochs": 2}, {"training.epochs": 2}, False),
        ({"training.minutes": 1}, {"training.minutes": 2}, True),
        ({"training.minutes": 1}, {"training.minutes": None}, True),
        ({"training.minutes": None}, {"training.minutes": 2}, False),
        ({"training.patience": 1}, {"training.patience": 3}, True),
        ({"training.patience": 3}, {"training.patience": 1}, False),
        ({"samples.length": 3}, {"samples.length": 30}, False),
    ],
)
def test_only_more_of_what_ends_a_run_lets_a_finished_one_go_on(tiny, before, now, on):
    checkpoint = Checkpoint({"epoch": 2, "step": 0, "recipe": recorded(recipe.read(tiny, before))}, {})
    assert goes_on(changes(recipe.read(tiny, now), checkpoint, "recipe.yaml")) is on


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("minutes", [(None, None), (None, 5.0), (5.0, None), (5.0, 5.0)])
def test_a_checkpoint_fits_the_optimizer_of_another_rate_and_time(tiny, make_model, schedule, minutes):
    before, now = (
        recipe.read(
            tiny,
            {"training.schedule": schedule, "training.minutes": each, "training.optimizer.learning_rate": rate},
        )
        for each, rate in zip(minutes, (0.01, 0.005), strict=True)
    )
    model = model_of(before.model, make_model().vocabulary)

    def variables(plan):
        optimizer = make_optimizer(plan.training, 10, model)
        optimizer.build(model.trainable_weights)
        return optimizer.variables

    arrays = {f"optimizer/{i}": each.numpy() for i, each in enumerate(variables(before))}
    facts = {"recipe": recorded(before), "memories": [["MetricsLog", {"seconds": 42.0}]]}
    found, wanted = adapted(Checkpoint(facts, arrays), now).group("optimizer"), variables(now)
    assert [each.shape for each in found] == [tuple(each.shape) for each in wanted]
    if schedule == "constant" or minutes[1]:
        assert found[1] == pytest.approx(0.005)
    memories = dict(adapted(Checkpoint(facts, arrays), now).facts["memories"])
    assert memories.get("TimeBudget", {}).get("spent") == (42.0 if minutes == (None, 5.0) else None)


@pytest.mark.parametrize("period", [0, 7, 20, 30])
@pytest.mark.parametrize("first", [0, 20, 21, 92])
def test_the_steps_of_a_call_fit_where_a_run_goes_on(tiny, period, first):
    steps = 92
    number = _steps_per_execution(recipe.read(tiny, {"samples.every_steps": period}), steps, first)
    assert period % number == 0 and (first % number == 0 or first == steps)
