import json
import pathlib

import pytest

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.model.evaluation import Scorer
from tests.conftest import TEXT


def test_several_models_on_several_texts_are_one_table(trained, capsys):
    pathlib.Path("a.txt").write_text(TEXT[:500])
    pathlib.Path("b.txt").write_text(TEXT[500:900])
    models = [str(trained.folder), str(trained.folder / "model.keras")]
    assert main(["evaluate", *models, "--text", "a.txt", "b.txt"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "\x1b" not in out and "protocol carried" in out
    for text, characters in (("a.txt", "499"), ("b.txt", "399")):
        figures = keras_charrnn.evaluate(trained, pathlib.Path(text).read_text())
        rows = [line for line in out.splitlines() if text in line]
        assert len(rows) == 2
        for row in rows:
            wanted = (figures.nats_per_character, figures.bits_per_character, figures.perplexity)
            assert row.split()[-4:] == [characters, *(f"{each:.4f}" for each in wanted)]
    assert "the validation split chose each run's model" in out


@pytest.fixture
def few_windows(monkeypatch):
    """Let 128 random windows do where 12,800 are usual, which take seconds."""
    monkeypatch.setattr(Scorer.windows, "__defaults__", (0, 2, "the text"))


@pytest.mark.parametrize("protocol", ["carried", "windows"])
@pytest.mark.usefixtures("few_windows")
def test_json_is_one_document_with_the_names_of_the_attributes(trained, capsys, protocol):
    arguments = ["--protocol", protocol, "--split", "train", "--seed", "3", "--json"]
    assert main(["evaluate", str(trained.folder), *arguments]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    wanted = keras_charrnn.evaluate(trained, split="train", protocol=protocol, seed=3)
    assert row.pop("nats_per_character") == pytest.approx(wanted.nats_per_character)
    assert (row["protocol"], row["split"], row["corpus"], row["chosen_by"]) == (protocol, "train", "text", "validation")
    assert row["seed"] == (3 if protocol == "windows" else None)
    assert row["model"] == str(trained.folder) and row["characters"] == wanted.characters


@pytest.mark.usefixtures("few_windows")
def test_the_protocol_and_its_seed_stand_above_the_table(trained, capsys):
    assert main(["evaluate", str(trained.folder), "--protocol", "windows", "--seed", "7"]) == 0
    assert "protocol windows, seed 7" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["runs/none-001"], "there is no run folder runs/none-001"),
        (["MODEL"], "a model has no corpus of its own; give a text"),
        (["MODEL", "--text", "none.txt"], "there is no file none.txt"),
        (["MODEL", "--text", "empty.txt"], "empty.txt is empty"),
        (
            ["MODEL", "--text", "snow.txt"],
            "model.keras: the text 'snow.txt' has the character '☃' (U+2603), at 4 (line 2)",
        ),
        (["RUN", "--text", "short.txt", "--protocol", "windows"], "needs at least 257 characters; there are 3"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(trained, capsys, arguments, message):
    for name, text in {"empty.txt": "", "snow.txt": "the\n☃", "short.txt": "the"}.items():
        pathlib.Path(name).write_text(text)
    places = {"RUN": str(trained.folder), "MODEL": str(trained.folder / "model.keras")}
    assert main(["evaluate", *(places.get(each, each) for each in arguments)]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and "Traceback" not in err


def test_the_table_fits_forty_columns(trained, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    pathlib.Path("a.txt").write_text(TEXT[:500])
    assert main(["evaluate", str(trained.folder / "model.keras"), "--text", "a.txt"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40
