import importlib.metadata
import pathlib
import re

import pytest
import yaml

from keras_charrnn.cli import main
from keras_charrnn.cli.new import _about, _path_from
from tests.conftest import TEXT

BRIEF = [*("--set", "training.epochs=1", "--set", "windows.length=8", "--set", "compute.replicas=1")]


def test_a_text_gets_a_recipe_that_passes_check_and_trains_without_a_word_if_asked_to(capsys):
    pathlib.Path("My poems.txt").write_text(TEXT * 2)
    assert main(["new", "My poems.txt"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.endswith("keras-charrnn train My-poems.yaml\n")
    assert re.search(r"Expect about \d+ (seconds|minutes) on .*: an estimate, from some steps timed there", out)
    written = pathlib.Path("My-poems.yaml").read_text()
    assert out.splitlines()[1] in written and yaml.safe_load(written)["corpus"] == {"path": "My poems.txt"}
    assert {path.name for path in pathlib.Path().iterdir()} == {"My-poems.yaml", "My poems.txt"}
    assert main(["check", "My-poems.yaml"]) == 0
    capsys.readouterr()
    assert main(["train", "My-poems.yaml", *BRIEF, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")
    assert pathlib.Path("runs/My-poems-001/model.keras").is_file()
    said = r"6,\d+ characters, an RMS-normalised LSTM of (\d+) units with ([\d,]+) parameters, \d+ epochs of \d+ steps"
    units, parameters = re.search(said, out).groups()
    assert yaml.safe_load(written)["model"]["units"] == int(units)
    assert (
        f'"parameters": {parameters.replace(",", "")}' in pathlib.Path("runs/My-poems-001/environment.json").read_text()
    )


def test_the_text_is_found_from_the_folder_of_the_recipe_and_read_as_it_was_by_a_keras_without_muon(
    capsys, monkeypatch
):
    installed = importlib.metadata.version
    monkeypatch.setattr(importlib.metadata, "version", lambda name: "3.12.1" if name == "keras" else installed(name))
    pathlib.Path("texts").mkdir()
    pathlib.Path("recipes").mkdir()
    text = pathlib.Path("texts/a.txt")
    text.write_bytes(TEXT.replace("\n", "\r").encode("utf-16-be"))
    assert main(["new", str(text), "--output", "recipes/b.yaml", "--encoding", "utf-16-be"]) == 0
    assert "note     line ends that are CR are read as \\n\n" in capsys.readouterr().out
    recipe = yaml.safe_load(pathlib.Path("recipes/b.yaml").read_text())
    assert recipe["corpus"] == {"path": str(text.resolve()), "encoding": "utf-16-be"}
    assert recipe["training"]["optimizer"]["name"] == "adamw"
    assert _path_from(pathlib.Path(), str(text)) == "texts/a.txt"  # of a recipe above it
    assert [_path_from(pathlib.Path(), each) for each in ("./-", "./~/a", "~a")] == ["./-", "./~/a", "./~a"]


@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["none.txt"], 2, "there is no file none.txt"),
        (["empty.txt"], 2, "empty.txt is empty"),
        (["short.txt"], 2, "44 characters are too few to learn from; take a text of 100 or more"),
        (["same.txt"], 2, "at least 2 different characters"),
        (["latin.txt"], 2, "latin.txt is not UTF-8: byte 2"),
        (["."], 2, ". is a folder"),
        (["there.txt"], 2, "there.yaml exists already; name another file with --output, or remove it"),
        (["there.txt", "--output", "x.txt"], 2, "--output must end in .yaml; received x.txt"),
        (["there.txt", "--output", "none/x.yaml"], 1, "none/x.yaml cannot be written: No such file or directory"),
    ],
)
def test_a_mistake_is_one_message_and_nothing_is_written(capsys, arguments, status, message):
    files = {"empty": b"", "short": TEXT[:44].encode(), "same": b"a" * 200, "latin": "thé".encode("latin1")}
    for name, data in {**files, "there": TEXT.encode()}.items():
        pathlib.Path(f"{name}.txt").write_bytes(data)
    pathlib.Path("there.yaml").write_text("mine")
    before = sorted(pathlib.Path().iterdir())
    assert main(["new", *arguments]) == status
    out, err = capsys.readouterr()
    assert out == "" and message in err and "Traceback" not in err
    assert sorted(pathlib.Path().iterdir()) == before and pathlib.Path("there.yaml").read_text() == "mine"


def test_times_are_said_as_a_person_would():
    assert [_about(seconds) for seconds in (3, 44, 89, 100, 600, 5000, 5500, 8000, 36000)] == [
        "10 seconds", "40 seconds", "90 seconds", "2 minutes", "10 minutes", "83 minutes", "1.5 hours", "2.2 hours",
        "10 hours",
    ]  # fmt: skip
