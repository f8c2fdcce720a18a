"""README.md of a run, in the form of model hubs."""

import json
import re
import shutil

import pytest
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RunError
from keras_charrnn.views.report import write_card
from tests.conftest import TEXT
from tests.training.test_training import one  # noqa: F401


@pytest.fixture
def run(one, tmp_path):  # noqa: F811
    return keras_charrnn.Run.open(shutil.copytree(one / "tiny-001", tmp_path / "a run"))


def test_a_card_says_what_the_run_says(run, capsys):
    assert main(["report", str(run.folder), "--card"]) == 0
    assert "card in " in capsys.readouterr().out
    card = (run.folder / "README.md").read_text()
    head, body = re.fullmatch(r"---\n(.*?)---\n(.*)", card, re.DOTALL).groups()
    head, environment = yaml.safe_load(head), json.loads((run.folder / "environment.json").read_text())
    assert head["library_name"] == "keras" and "gru" in head["tags"] and head["datasets"] == ["text"]
    assert f"{environment['parameters']:,} parameters" in body and environment["corpus"]["sha256"] in body
    best = run.metrics
    assert f"| validation | {best['val_loss']:.4f} | {best['val_bits_per_character']:.4f} |" in body
    assert f"| training | {best['loss']:.4f} |" in body and f"{len({*TEXT})} symbols" in body
    sample = (run.folder / "samples" / "epoch-002.txt").read_text()
    assert body.count("Temperature ") == 2 and "the quick"[:4] in sample
    (code,) = re.findall(r"```python\n(.*?)```", body, re.DOTALL)
    lines = [line.replace('"model.keras"', repr(str(run.folder / "model.keras"))) for line in code.splitlines()]
    exec("\n".join(lines).replace('score("a text")', 'score("the fox")'), {})


def test_fences_hold_what_a_sample_has_of_them_and_a_run_without_validation_has_its_training_loss(run):
    (run.folder / "samples" / "epoch-002.txt").write_text("--- epoch 2, temperature 1.0 ---\na ```` b\n")
    for name in ("metrics.jsonl",):
        rows = [json.loads(line) for line in (run.folder / name).read_text().splitlines()]
        kept = [{key: value for key, value in row.items() if not key.startswith("val_")} for row in rows]
        (run.folder / name).write_text("".join(json.dumps(row) + "\n" for row in kept))
    card = write_card(run.folder).read_text()
    assert "`````text\na ```` b\n`````" in card and "| validation |" not in card and "| training |" in card


def test_a_run_without_a_model_has_no_card(run):
    (run.folder / "model.keras").unlink()
    with pytest.raises(RunError, match="has no model yet"):
        write_card(run.folder)
    assert not (run.folder / "README.md").exists()
