"""What varies in a comparison, which of the rates is kept, and the table: without any training."""

import io
import itertools
import math
import pathlib
import re
import shlex

import pytest
import rich.console
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.recipe import read
from keras_charrnn.studies.comparison import Comparison, Trial, Variant, compare
from keras_charrnn.studies.comparison.axes import in_a_table, make_variants, read_axes
from keras_charrnn.studies.comparison.plots import AXES, draw_plots
from keras_charrnn.studies.comparison.writing import to_markdown, to_rich

PAGE = pathlib.Path(keras_charrnn.__file__).parents[1] / "docs" / "cells.md"
RECIPE = {
    "corpus": {"name": "python_stdlib"},
    "model": {"cell": {"name": "rhn", "depth": 2}, "units": 8},
    "training": {"optimizer": {"name": "adam", "learning_rate": 0.01}, "schedule": {"name": "cosine", "final": 0.1}},
}


def axes_of(cells=(), optimizers=(), grid=None, overrides=None):
    overrides = overrides or {}
    return read_axes(read(RECIPE, overrides), overrides, cells, optimizers, (), {} if grid is None else grid)


def test_the_variants_are_all_combinations_as_asked_for():
    grid = {"windows.length": [64, 128], "training.clip_norm": [None, 1]}
    variants = make_variants(axes_of(["lstm", "rhn"], ["lion"], grid))
    names = [
        f"{cell}, lion, windows.length {length}, training.clip_norm {clip}"
        for cell, length, clip in itertools.product(("lstm", "rhn"), (64, 128), ("null", "1"))
    ]
    assert [each.name for each in variants] == names
    assert variants[-1].varies == {
        "cell": "rhn",
        "optimizer": "lion",
        "windows.length": "128",
        "training.clip_norm": "1",
    }
    assert variants[-1].overrides == {
        "model.cell": {"name": "rhn", "depth": 2},  # the recipe's own
        "training.optimizer": {
            "name": "lion",
            "learning_rate": read(RECIPE, OWN_LION).training.optimizer["learning_rate"],
        },
        "windows.length": 128,
        "training.clip_norm": 1.0,
    }


OWN_LION = {"training.optimizer": "lion"}


def test_the_recipes_own_choice_keeps_its_arguments_by_its_name_alone():
    (axis,) = axes_of(optimizers=["adam", {"name": "adam"}, {"name": "rmsprop", "rho": 0.5}])
    assert axis.words == ["adam", "adam", "rmsprop, rho: 0.5"]
    assert [each["learning_rate"] for each in axis.values] == [0.01, 0.003, 0.003]
    (axis,) = axes_of(grid={"training.schedule": ["cosine", "constant"]})
    assert axis.column == "training.schedule" and axis.values[0] == {"name": "cosine", "warmup_steps": 0, "final": 0.1}


def test_a_part_of_what_varies_is_laid_over_it_and_need_fit_but_one_of_its_values():
    grid = {"training.optimizer.momentum": [0.0, 0.9], "training.optimizer.weight_decay": [0.1]}
    variants = make_variants(axes_of(optimizers=["adam", "sgd"], grid=grid))
    assert [each.name for each in variants][-1] == (
        "sgd, training.optimizer.momentum 0.9, training.optimizer.weight_decay 0.1"
    )
    optimizer = read(RECIPE, variants[-1].overrides).training.optimizer
    assert optimizer == {"name": "sgd", "learning_rate": 0.003, "momentum": 0.9, "weight_decay": 0.1}


@pytest.mark.parametrize(
    ("options", "problems"),
    [
        (
            {},
            ["nothing varies; write cells, optimizers or a grid, as in --cells gru,lstm, --optimizers adamw,lion, "],
        ),
        ({"grid": [1]}, ["grid: must be a mapping such as {'model.units': [128, 256]}, not [1]"]),
        (
            {
                "optimizers": ["adamm", {"name": "sgd", "nonsense": 1}],
                "cells": ["gruu"],
                "grid": {"model.units": [8, 0]},
            },
            [
                "cells: unknown cell 'gruu', did you mean 'gru'?",
                "grid.model.units[1]: must be a whole number from 1 to 1,000,000,000, not 0",
                "optimizers[0]: must be adam, adamw, ",
                "optimizers[1].nonsense: unknown key (accepted: learning_rate, momentum, ",
            ],
        ),
        ({"grid": {"model.unit": [8, 9]}}, ["grid.model.unit: unknown key, did you mean 'units'?"]),
        (
            {"grid": {"modle.units": [8]}},
            ["grid.modle.units: is no key that can vary, did you mean 'model'? (accepted: a key within"],
        ),
        (
            {"grid": {"corpus.name": ["a"], "split.train": [0.5], "vocabulary.min_count": [1], "compute.seed": [1]}},
            [
                "grid.corpus.name: is no key that can vary (accepted: a key within windows, model, training or states",
                "grid.split.train: is no key that can vary",
                "grid.vocabulary.min_count: is no key that can vary",
                "grid.compute.seed: is no key that can vary",
            ],
        ),
        (
            {"grid": {"model": [{"units": 3}], 7: [1]}},
            ["grid.model: is no key that can vary", "grid.7: is no key that can vary"],
        ),
        ({"grid": {"model.units": []}}, ["grid.model.units: must be a list of one or more values, not []"]),
        ({"grid": {"model.units": 8}}, ["grid.model.units: must be a list of one or more values, not 8"]),
        ({"grid": {"model.dropout": [0, 0.0]}}, ["grid.model.dropout: 0.0 is there twice"]),
        (
            {"cells": ["gru"], "grid": {"model.cell": ["lstm"]}},
            ["grid.model.cell: is given twice, by cells too; leave out one"],
        ),
        (
            {"grid": {"model.units": [8]}, "overrides": {"model": {"units": 9}}},
            ["grid.model.units: is given twice, for model.units is set by an override too; leave out one"],
        ),
        (
            {"grid": {"training.schedule": ["constant"]}, "overrides": {"training.schedule.final": 0.2}},
            ["grid.training.schedule: is given twice, for training.schedule.final is set by an override too"],
        ),
        ({"grid": {"model.units.x": [1]}}, ["grid.model.units.x: cannot be set, for model.units is 8 and no mapping"]),
        ({"grid": {"training.schedule.rate": [0.5]}}, ["grid.training.schedule.rate: unknown key"]),
    ],
)
def test_what_cannot_vary_is_told_all_at_once(options, problems):
    with pytest.raises(RecipeError) as caught:
        axes_of(**options)
    told = caught.value.problems
    assert len(told) == len(problems), told
    assert all(each.startswith(problem) for each, problem in zip(told, problems, strict=True)), told


def test_keys_that_do_not_go_together_are_a_row_that_says_so_in_a_line(tiny, console):
    tiny["model"] |= {"embedding": 8, "tie_embedding": True}
    comparison = compare(tiny, grid={"model.units": [5]}, console=console)
    (variant,) = comparison.variants
    assert variant.failure == "model.tie_embedding: needs model.embedding as wide as model.units, 5"
    assert comparison.failed == ["model.units 5"] and "Models with the units asked for" in console.export_text()


KEYS = st.sampled_from(["model.units", "model.cell", "training.optimizer", "training.optimizer.beta_1", "states.reset"])
PLAIN = st.none() | st.booleans() | st.integers(-1, 300) | st.floats() | st.sampled_from(["gru", "adam", "epoch", ""])
VALUES = (
    PLAIN | st.lists(PLAIN, max_size=2) | st.dictionaries(st.sampled_from(["name", "depth", "x"]), PLAIN, max_size=2)
)


@given(st.dictionaries(KEYS | st.text(max_size=5), st.lists(VALUES, max_size=2) | VALUES, max_size=2))
@example({"model.units": [1, True]})
@example({"model.zoneout": [{"h": 0.1}, 0.1]})
def test_any_grid_is_refused_or_has_a_variant_for_each_combination(grid):
    try:
        axes = axes_of(grid=grid)
    except RecipeError as error:
        assert error.problems and all(isinstance(each, str) for each in error.problems)
        return
    variants = make_variants(axes)
    assert len(variants) == math.prod(map(len, grid.values()))
    assert [axis.path for axis in axes] == list(grid)
    overrides = [each.overrides for each in variants]
    assert all(one != other for one, other in itertools.combinations(overrides, 2))


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("lstm", "lstm"),
        ({"name": "rhn", "depth": 4}, "rhn, depth: 4"),
        ({"h": 0.1, "c": 0.2}, "h: 0.1, c: 0.2"),
        (True, "true"),
        (None, "null"),
        (1e-3, "0.001"),
        ("a\x1b", r"'a\x1b'"),
    ],
)
def test_a_value_in_a_table(value, words):
    assert in_a_table(value) == words


LOSS = st.none() | st.floats(0.5, 5)


@given(st.lists(LOSS, min_size=2, max_size=5), st.lists(LOSS, max_size=2))
def test_the_rate_with_the_least_loss_is_kept_and_an_edge_is_marked(tried, others):
    def trial(seed, rate, loss):
        return Trial(seed, rate, error="diverged") if loss is None else Trial(seed, rate, loss, 1, 2.0, [9])

    variant = Variant({"cell": "gru"}, {}, 8, 99)
    variant.trials = [trial(0, 0.01 * 2**i, loss) for i, loss in enumerate(tried)]
    assert variant.losses == [] and variant.failure == ""  # as long as others are to be tried
    variant.choose_rate()
    if all(loss is None for loss in tried):
        rates = ", ".join(str(0.01 * 2**i) for i in range(len(tried)))
        assert variant.failure == f"no learning rate came to a loss: rate {rates}: diverged" and variant.rate is None
        return
    least = min(loss for loss in tried if loss is not None)
    best = tried.index(least)
    assert variant.rate == 0.01 * 2**best and variant.is_rate_at_edge == (best in (0, len(tried) - 1))
    variant.trials += [trial(1 + i, variant.rate, loss) for i, loss in enumerate(others)]
    assert variant.losses == [least, *(loss for loss in others if loss is not None)]
    assert bool(variant.failure) == (None in others)  # a rate at which it diverges is no failure


def make_comparison(varies, rates=(), seeds=(0,)):
    """Return a comparison as it would be in the end, and the axes' columns."""
    variants = []
    for index, row in enumerate(itertools.product(*varies.values())):
        words = dict(zip(varies, row, strict=True))
        tried = [0.001 * each for each in rates] or [None]
        curve = [[10.0, 100, 2.0], [20.0, 200, 1.5]]
        trials = [Trial(0, rate, 1.5 + i, 2, 1234.5, [123456], curve, "run") for i, rate in enumerate(tried)]
        trials += [Trial(seed, tried[0], 1.25, 2, 1234.5, [123456], curve, "run") for seed in seeds[1:]]
        variants.append(Variant(words, {}, 100 + index, 1_234_567, tried[0], trials))
    facts = {
        "recipe": read(RECIPE, {"training.minutes": 1.5}).to_mapping(),
        "varies": dict.fromkeys(varies),
        "match": "units" if "model.units" in varies else "parameters",
        "parameters": 1_234_567,
        "rates": list(rates),
        "seeds": list(seeds),
        "corpus": {"name": "python_stdlib"},
        "machine": {"precision": "float32", "replicas": 1, "processor": "CPU", "cores": 2, "gpus": 0},
        "versions": {"tensorflow": "2", "keras": "3"},
    }
    return Comparison(pathlib.Path("folder"), facts, variants)


def on_screen(comparison):
    console = rich.console.Console(width=80, file=io.StringIO())
    console.print(to_rich(comparison))
    return [line.rstrip() for line in console.file.getvalue().splitlines() if line.strip()]


def test_two_things_that_vary_fit_into_80_columns():
    varies = {"cell": ["layer_norm_lstm", "gru"], "optimizer": ["schedule_free_adamw", "muon"]}
    lines = on_screen(make_comparison(varies, rates=(1, 2, 4), seeds=(0, 1, 2)))
    assert max(map(len, lines)) <= 80
    titles = ["cell", "optimizer", "rate", "units", "chars/s", "nats", "spread", "seconds"]
    assert lines[0].split() == titles
    assert any("layer_norm_lstm" in line for line in lines)  # whole
    last = next(line for line in lines if "gru" in line and "muon" in line)
    assert last.split() == ["gru", "muon", "0.001*", "103", "123,456", "1.3333", "0.2500", "1,234.5"]


def test_a_key_has_its_last_name_for_a_title_unless_another_one_has_it():
    varies = {"model.units": ["8"], "training.schedule.rate": ["0.5"], "windows.length": ["64"]}
    comparison = make_comparison(varies, rates=(1, 2))
    titles = on_screen(comparison)[0]
    assert (
        titles.split()[:1] == ["units"] and "length" in titles and titles.count("units") == 1 and "spread" not in titles
    )
    first, page = to_markdown(comparison).split("\n", 1)
    assert first == (
        "| units | training.schedule.rate | length | rate | parameters | chars/s | nats | bits | spread | seconds |"
    )
    assert page.startswith("| --- | --- | --- | ---: |") and "epochs: 10, minutes: 1.5." in page
    assert "Models with the units asked for, their parameters not matched." in page


def test_a_label_has_what_tells_a_variant_from_the_others():
    comparison = make_comparison({"cell": ["gru"], "optimizer": ["adam", "lion"], "windows.length": ["8", "16"]})
    assert comparison.labels == [f"{name}, windows.length {n}" for name in ("adam", "lion") for n in (8, 16)]
    assert make_comparison({"cell": ["gru"], "model.layers": ["2"]}).labels == ["gru, model.layers 2"]


@pytest.mark.plots
def test_the_legend_is_beside_the_lines_within_the_picture(monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.delitem(AXES, "loss_by_characters")

    def size(columns):
        data = draw_plots(make_comparison(columns))["loss_by_seconds"]
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")  # of PNG's first chunk

    one, many = size({"cell": ["gru"]}), size({"cell": ["gru"], "model.units": [f"{i:030}" for i in range(40)]})
    assert many[0] > one[0] + 30 * 10 and many[1] > 40 * 20  # pixels


@pytest.mark.parametrize("line", re.findall(r"^keras-charrnn (compare .*)$", PAGE.read_text(), re.MULTILINE))
def test_the_commands_on_the_page_of_cells_ask_for_what_can_vary(line, capsys):
    pathlib.Path("my.yaml").write_text(yaml.safe_dump(RECIPE))
    pathlib.Path("recipes").symlink_to(PAGE.parents[1] / "recipes")
    assert main([*shlex.split(line), "--seeds", "1000"]) == 2
    assert re.search(r"[\d,]+ trainings, and nothing was begun", capsys.readouterr().err)


def test_what_is_confirmed_is_the_number_of_trainings_and_a_refusal_leaves_nothing(tiny):
    def refuse(trainings):
        raise SettingsError(f"{trainings:,} are too many")

    keys = ("windows.length", "windows.batch_size", "model.units", "model.layers")
    grid = {key: list(range(1, 11)) for key in keys}
    asked = {"grid": grid, "rates": [0.5, 1, 2], "seeds": 3, "confirm": refuse}
    with pytest.raises(SettingsError, match="50,000 are too many"):
        compare(tiny, **asked)
    with pytest.raises(RecipeError, match="unknown cell 'gruu'"):  # mistakes are told first
        compare(tiny, ["gruu"], **asked)
    assert not pathlib.Path("runs").exists()
