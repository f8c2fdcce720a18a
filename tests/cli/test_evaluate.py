import json
import pathlib
import re

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


def test_an_ensemble_and_a_model_that_goes_on_learning_are_labelled(trained, second, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    pathlib.Path("a.txt").write_text(TEXT[:200])
    ensemble = f"{trained.folder}+{second.folder}"
    assert main(["evaluate", ensemble, "--text", "a.txt"]) == 0
    assert f"\n{ensemble}: an ensemble, the mean of the probabilities of 2 models\n" in capsys.readouterr().out
    assert main(["evaluate", str(trained.folder), "--text", "a.txt", "--dynamic"]) == 0
    out = capsys.readouterr().out
    plain, dynamic = (line for line in out.splitlines() if "a.txt" in line)
    nats = keras_charrnn.evaluate(trained, TEXT[:200]).nats_per_character
    assert plain.split() == [str(trained.folder), "a.txt", "199", f"{nats:.4f}", *plain.split()[-2:]]
    assert dynamic.split()[:4] == [f"{trained.folder},", "dynamic", "a.txt", "199"]
    assert float(dynamic.split()[4]) < nats  # the text is the training's
    assert "dynamic: learning from each 64 characters once they are scored, rate 0.001, decay 0.005" in out


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
        (["RUN+"], "is no ensemble: it takes two runs or more, as in runs/my-001+runs/my-002"),
        (["RUN+RUN"], "an ensemble has each of its members once; "),
        (["RUN+runs/none-001"], "there is no run folder runs/none-001"),
        (
            ["RUN+MODEL", "--text", "short.txt", "--dynamic"],
            "is of one model, and not of an ensemble; give one run",
        ),
        (["RUN+MODEL"], "a model has no corpus of its own; give a text, or the run"),
        (["RUN", "--dynamic-rate", "-1"], "dynamic rate must be a number of 0 or more; received -1.0"),
        (["RUN", "--dynamic", "--protocol", "windows"], "is one pass over a text, and not by the protocol windows"),
        (
            ["MODEL", "--text", "short.txt", "--dynamic"],
            "needs the text that the model was trained on",
        ),
        (["RUN", "--text", "one.txt", "--dynamic"], "has 1 characters to evaluate; at least 2 are needed"),
        (["MODEL", "--text", "empty.txt"], "empty.txt is empty"),
        (
            ["MODEL", "--text", "snow.txt"],
            "model.keras: the text 'snow.txt' has the character '☃' (U+2603), at 4 (line 2)",
        ),
        (["RUN", "--text", "short.txt", "--protocol", "windows"], "needs at least 257 characters; there are 3"),
    ],
)
def test_a_mistake_is_one_message_and_status_2(trained, capsys, arguments, message):
    for name, text in {"empty.txt": "", "snow.txt": "the\n☃", "short.txt": "the", "one.txt": "t"}.items():
        pathlib.Path(name).write_text(text)
    places = {"RUN": str(trained.folder), "MODEL": str(trained.folder / "model.keras")}
    arguments = [re.sub("RUN|MODEL", lambda found: places[found[0]], each) for each in arguments]
    assert main(["evaluate", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and "Traceback" not in err


def test_the_table_fits_forty_columns(trained, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    pathlib.Path("a.txt").write_text(TEXT[:500])
    assert main(["evaluate", str(trained.folder / "model.keras"), "--text", "a.txt"]) == 0
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40
