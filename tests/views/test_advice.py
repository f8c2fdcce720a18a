"""What the curves of a run are said to show, on histories written by hand and of a real training."""

import io
import math
import re

import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.errors import RunError
from keras_charrnn.recipe import parse_override, read
from keras_charrnn.views.advice import Advice, judge

PLAN = read({"corpus": {"path": "a.txt"}, "training": {"clip_norm": 1.0, "schedule": "cosine"}}).to_mapping()
SIZES = {
    "parameters": 10_000,
    "split": {"train": 10_000},
    "windows": {"steps": 100},
    "vocabulary": {"symbols": 4, "counts": dict.fromkeys("abcd", 10)},
}


def history(train, validation, **further):
    rows = zip(train, validation, strict=True)
    return [{"epoch": n, "loss": loss, "val_loss": other, **further} for n, (loss, other) in enumerate(rows, start=1)]


def plan(**overrides):
    return read(PLAN, {name.replace("__", "."): value for name, value in overrides.items()}).to_mapping()


@pytest.mark.parametrize(
    ("rows", "chief", "further"),
    [
        ([], "No epoch has ended", ""),
        (history([2], [2]), "Too early", ""),
        (history([2, np.nan], [2, 2]), "Diverged", ""),
        (history([2.5, 2.0], [2.4, 2.2]), "Still improving: the last epoch lowered the validation loss by 8.3%", ""),
        (history([2.5, 2.2], [2.4, 2.2]), "Still improving", "are close"),
        (history([2.5, 2, 1.5], [2.4, 2.2, 2.3]), "Overfitting since epoch 2: .* rose by 4.5%", ""),
        (history([2.5, 1.5, 1.2], [2.4, 2.2, 2.2]), "Converged: .* by 0.0%, and the best one is epoch 2", "by heart"),
        (history([2.5, 2.1], [2.4, 2.2], clipped=0.9), "Still improving", "90% of the last epoch's steps were clipped"),
        (history([2.5, 2, 2.1], [2.4, 2.1, 2.1]), "Converged", "Unsteady: in epoch 3 the training loss rose by 5.0%"),
        (history([0.1, 0.05, 0.055], [0.1, 0.051, 0.051]), "Converged", ""),  # 10% of next to nothing
        (history([0, 0], [0, 0]), "Converged", ""),
    ],
)
def test_the_findings_follow_from_the_losses(rows, chief, further):
    first, *others = map(str, judge(rows))
    assert re.match(chief, first)
    assert bool(further) == bool(others)
    assert further in " ".join(others)
    assert "Try" not in first + " ".join(others)  # nothing is known of the recipe


def looks(train, validation, name="val_loss", steps=10):
    """Looks every so many steps, the last one at the end of the first epoch."""
    rows = enumerate(zip(train, validation, strict=True), start=1)
    return [
        {"epoch": 1, "step": steps * n, "within": n / len(train), "loss": loss, name: other}
        for n, (loss, other) in rows
    ]


FALLING = np.linspace(3, 2, 41)


@pytest.mark.parametrize(
    ("rows", "progress", "chief", "further"),
    [
        ([], looks([3], [3]), "Too early", ""),
        (
            [],
            looks([2.5, 2.0], [2.4, 2.2]),
            "Still improving: the last 10 steps lowered the validation loss by 8.3%",
            "",
        ),
        # 41 looks are 9 stretches; an epoch's mean loss is no stretch's.
        (
            history([2.5], [2]),
            looks(FALLING, FALLING),
            "Still improving: the last 50 steps lowered .* by 5.9%",
            "close",
        ),
        (
            history([2], [2]),
            [*looks([3, 2.5, 2.2], [3, 2.5, 2.2], steps=50), *({**looks([2.1], [2.1], steps=151)[0]},)],
            "Still improving: the last 51 steps lowered the validation loss by 16.0%",  # not the last one
            "close",
        ),
        (history([2], [9]), looks([2.5, 2, 1.5], [2.4, 2.2, 2.3], "val_part_loss"), "Overfitting since step 20 in", ""),
        (
            history([2], [2]),
            looks([2.5, 2.1, 2.2], [2.4, 2.2, 2.2]),
            "Converged: .* best one is step 20 in",
            "epoch 1 the",
        ),
        (
            history([2], [2]),
            looks([2, 2.1, 2], [2.4, 2.3, 2.2]),
            "Still improving",
            "Unsteady: at step 20 in epoch 1 the",
        ),
        (history([2.2], [2.2]), [], "Too early to say: it takes two epochs, or looks", ""),
        # With two epochs these are what is compared, by the looks at their ends; the best may be between them.
        (
            history([2.5, 2.0], [2.4, 9]),
            [
                *looks([2.6, 2.4], [2.2, 2.4], "val_part_loss"),
                *({**looks([2], [2.3], "val_part_loss")[0], "epoch": 2},),
            ],
            "Overfitting since step 10 in epoch 1: .* rose by 4.5%.* kept, is that of step 10",
            "",
        ),
    ],
)
def test_looks_show_it_within_an_epoch(rows, progress, chief, further):
    first, *others = map(str, judge(rows, progress=progress))
    assert re.match(chief, first)
    assert bool(further) == bool(others) and further in " ".join(others)


IMPROVING, CONVERGED = history([1.3] * 9 + [1.1], [1.3] * 9 + [1.2]), history([1.0] * 10, [1.1] * 10)
BY_HEART = history([1.3] + [0.8] * 9, [1.2] + [1.0] * 9)
GUESSING = history(np.linspace(1.45, 1.40, 10), np.linspace(1.45, 1.40, 10))  # four symbols are ln 4 = 1.386 nats


@pytest.mark.parametrize(
    ("rows", "settings", "sizes", "wanted"),
    [
        (IMPROVING, {}, {}, ("training.epochs", 20, 10)),
        (IMPROVING, {"training__epochs": 11}, {}, ("", None, None)),  # it has not ended yet
        (IMPROVING, {"training__epochs": 30, "training__minutes": 1.5}, {}, ("training.minutes", 3.0, 1.5)),
        (IMPROVING, {}, {"windows": {"steps": 5}}, ("windows.batch_size", 4, 64)),
        (IMPROVING, {"windows__batch_size": 1}, {"windows": {"steps": 5}}, ("training.epochs", 20, 10)),
        (CONVERGED, {}, {}, ("", None, None)),
        (CONVERGED, {"training__schedule": "constant"}, {}, ("training.schedule", "cosine", "constant")),
        (BY_HEART, {}, {}, ("model.dropout", 0.2, 0.0)),
        (BY_HEART, {"model__dropout": 0.4}, {}, ("model.dropout", 0.5, 0.4)),
        (BY_HEART, {}, {"parameters": 50_000}, ("model.units", 128, 256)),  # 256 / sqrt(5), by 32
        (BY_HEART, {"model__units": 96}, {"parameters": 50_000}, ("model.dropout", 0.2, 0.0)),
        (BY_HEART, {"model__dropout": 0.5}, {}, ("", None, None)),
        (history([1.3, 1.1, 1.0], [1.2, 1.1, 1.2]), {}, {}, ("model.dropout", 0.2, 0.0)),
        (history([1.3, 1.10, 1.10], [1.3, 1.10, 1.09]), {}, {}, ("model.units", 512, 256)),
        (history([1.3, 1.10, 1.10], [1.3, 1.10, 1.09]), {"model__dropout": 0.3}, {}, ("model.dropout", 0.15, 0.3)),
        (history([1.3, 1.11, 1.1], [1.3, 1.1, 1.099]), {}, {"windows": {"steps": 5}}, ("windows.batch_size", 4, 64)),
        (GUESSING, {}, {}, ("training.optimizer.learning_rate", 0.009, 0.003)),
        (GUESSING, {}, {"windows": {"steps": 9}}, ("windows.batch_size", 8, 64)),
        (history([1.4, 1.5, 1.4], [1.4] * 3), {}, {}, ("training.optimizer.learning_rate", 0.0009, 0.003)),
        (history([1.2, 1.1, 1.2], [1.2] * 3), {}, {}, ("training.optimizer.learning_rate", 0.0015, 0.003)),
        (history([math.inf], [1]), {}, {}, ("training.optimizer.learning_rate", 0.0015, 0.003)),
        (
            history([1.3, 1.1], [1.3, 1.2], went_back=2),
            {"training__divergence": {"name": "go_back", "rate": 0.5}},
            {},
            ("training.optimizer.learning_rate", 0.00075, 0.003),
        ),
        (history([1.2] * 3, [1.3] * 3, clipped=0.9, gradient_norm=3.21), {}, {}, ("training.clip_norm", 6.4, 1.0)),
        (
            history([1.2] * 3, [1.3] * 3, clipped=1.0, gradient_norm=500),
            {},
            {},
            ("training.optimizer.learning_rate", 0.0015, 0.003),
        ),
        (
            history([1.0] * 10, [1.1] * 10),
            {},
            {"vocabulary": {"symbols": 3000, "counts": {}}},
            ("vocabulary", "{min_count: 10, unknown: replace}", "{min_count: 1}"),
        ),
    ],
)
def test_advice_names_a_key_and_its_new_value(rows, settings, sizes, wanted):
    found = judge(rows, plan(**settings), {**SIZES, **sizes})
    changes = {each.key: (each.value, each.before) for each in found if each.key}
    key, *change = wanted
    assert changes.get(key, (None, None)) == tuple(change) and (key or not changes.keys() - {"model.units"})
    for each in filter(lambda each: each.key, found):  # what is advised is a recipe
        name, value = parse_override(f"{each.key}={each.value}")
        read(PLAN, {name: value})
        assert str(each).endswith(f"Try {each.key}: {each.value} (it was {each.before}).")


def test_findings_do_not_contradict_one_another():
    rows = history([1.2, 1.3, 1.2], [1.2, 1.25, 1.25], clipped=1.0, gradient_norm=3.0, went_back=1)
    keys = [each.key for each in judge(rows, PLAN, SIZES) if each.key]
    assert len(keys) == len(set(keys)) and "training.clip_norm" not in keys


def test_the_end_of_a_training_and_its_report_say_the_same(tiny):
    console = rich.console.Console(file=io.StringIO(), width=80)
    run = keras_charrnn.fit(tiny, console=console)
    found = keras_charrnn.advise(run)
    # Two epochs of a short text, far from learned.
    assert found[0].finding.startswith("Still improving") and found[0].key == "training.epochs" and found[0].value == 4
    shown, page = console.file.getvalue(), (run.folder / "report.html").read_text()
    for each in found:
        assert f"\n{each}\n" in shown and str(each) in page
    (run.folder / "recipe.yaml").write_text(": damaged")
    assert [each.key for each in keras_charrnn.advise(run.folder)] == [""] * len(found)


def test_a_run_that_is_none_is_told(tmp_path):
    with pytest.raises(RunError, match="there is no run folder"):
        keras_charrnn.advise(tmp_path / "none-001")


def test_advice_without_a_change_is_its_finding():
    assert str(Advice("So it is.")) == "So it is."
