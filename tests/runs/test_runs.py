import json

import pytest

from keras_charrnn.errors import RunError
from keras_charrnn.runs import Run, RunFolder, load


def test_folders_are_numbered_on(tmp_path):
    names = [RunFolder.create(tmp_path / "runs", "a").path.name for _ in range(2)]
    (tmp_path / "runs" / "a-041").mkdir()
    (tmp_path / "runs" / "a-b-099").mkdir()
    assert [*names, RunFolder.create(tmp_path / "runs", "a").path.name] == ["a-001", "a-002", "a-042"]


def test_a_folder_that_cannot_be_made_says_why(tmp_path):
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(RunError, match=r"a run folder cannot be made in .*runs: File exists"):
        RunFolder.create(tmp_path / "runs", "a")


def test_a_run_that_is_not_there_gets_the_nearest_name(tmp_path):
    (tmp_path / "shakespeare-001").mkdir()
    with pytest.raises(RunError, match=r"there is no run folder .*shakespear-001, did you mean 'shakespeare-001'"):
        load(tmp_path / "shakespear-001")
    with pytest.raises(RunError, match=r"is not a run folder: it has no recipe\.yaml"):
        load(tmp_path / "shakespeare-001")
    with pytest.raises(RunError, match=r"there is no model file .*m\.keras"):
        load(tmp_path / "m.keras")


def test_a_run_without_a_model_says_so(tmp_path):
    folder = RunFolder.create(tmp_path, "a")
    folder.recipe.write_text("corpus: {name: python_stdlib}\n")
    with pytest.raises(RunError, match="has no model yet"):
        load(folder.path)
    assert Run.open(folder.path).metrics == {}


def test_damaged_metrics_are_named(tmp_path):
    folder = RunFolder.create(tmp_path, "a")
    folder.recipe.write_text("corpus: {name: python_stdlib}\n")
    folder.metrics.write_text('{"val_loss": 2}\n{"val_')
    with pytest.raises(RunError, match=r"metrics\.jsonl is damaged"):
        Run.open(folder.path)


@pytest.mark.parametrize(
    "line",
    [
        '{"epoch": 1, "loss": 2, "vAl_loss": 2, "val_bits_per_character": 3}',
        '{"Epoch": 1, "loss": 2, "val_loss": 2, "val_bits_per_character": 3}',
        '{"epoch": [1], "loss": 2, "val_loss": 2, "val_bits_per_character": 3}',
        '{"epoch": 1, "loss": "2", "val_loss": 2, "val_bits_per_character": 3}',
        '{"epoch": 1, "loss": 2, "val_loss": 2, "val_bits_per_character": 3, "clipped": null}',
        '{"epoch": 1, "loss": 2, "within": 0.5}',
        '{"epoch": 1, "step": 5, "loss": 2, "within": "half"}',
        '{"epoch": 1, "step": 5, "loss": 2, "within": 0.5, "val_part_loss": 2}',
        "[1]",
        "[" * 100_000,
    ],
)
def test_a_line_without_what_it_must_have_is_damage(tmp_path, line):
    folder = RunFolder.create(tmp_path, "a")
    folder.metrics.write_text(line)
    with pytest.raises(RunError, match=r"metrics\.jsonl is damaged"):
        folder.read_metrics()


def epoch(number, **losses):
    return {"epoch": number, "step": 10 * number, "loss": 2.0, **losses}


def within(number, share, **losses):
    return {**epoch(number, **losses), "step": round(10 * (number - 1 + share)), "within": share}


@pytest.mark.parametrize(
    ("history", "progress", "wanted"),
    [
        ([], [], {}),
        ([epoch(1), epoch(2)], [within(1, 0.5)], epoch(2)),  # no validation: the last
        ([epoch(1, val_loss=1), epoch(2, val_loss=2)], [within(2, 0.5)], epoch(1, val_loss=1)),
        ([], [within(1, 0.5, val_loss=3), within(1, 0.7, val_loss=4)], within(1, 0.5, val_loss=3)),
        ([epoch(1, val_loss=3)], [within(1, 0.5, val_loss=2), within(1, 1, val_loss=3)], within(1, 0.5, val_loss=2)),
        # The loss of the part alone chooses; at the end of an epoch that of the whole split is known too.
        (
            [epoch(1, val_loss=1)],
            [within(1, 0.5, val_part_loss=2), within(1, 1, val_part_loss=1.5)],
            {**within(1, 1, val_part_loss=1.5), "val_loss": 1},
        ),
        (
            [epoch(1, val_loss=1)],
            [within(1, 0.5, val_part_loss=2), within(1, 1, val_part_loss=2.5)],
            within(1, 0.5, val_part_loss=2),
        ),
    ],
)
def test_the_metrics_of_a_run_are_those_of_what_chose_its_model(history, progress, wanted):
    assert Run("here", history, progress=progress).metrics == wanted


@pytest.mark.parametrize(
    "change", [{"corpus": 3}, {"parameters": "many"}, {"vocabulary": {"symbols": 1, "counts": {"a": -1}}}]
)
def test_a_record_of_the_environment_without_what_it_must_have_is_damage(trained, tmp_path, change):
    folder = RunFolder.create(tmp_path, "a")
    with pytest.raises(RunError, match=r"environment\.json is missing"):
        folder.read_environment()
    record = RunFolder.open(trained.folder).read_environment()
    folder.environment.write_text(json.dumps({**record, **change}))
    with pytest.raises(RunError, match=r"environment\.json is damaged: .* is not what it should be"):
        folder.read_environment()
