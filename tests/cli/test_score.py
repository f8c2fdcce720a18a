import io
import json
import pathlib
import sys
import tracemalloc

import numpy as np
import pytest

from keras_charrnn.cli import main
from keras_charrnn.text.vocabularies import Vocabulary
from tests.conftest import TEXT


@pytest.fixture
def text():
    pathlib.Path("a.txt").write_text(TEXT[:600])
    return "a.txt"


def test_a_file_and_standard_input_have_the_score_of_the_text(trained, text, capsys, monkeypatch):
    wanted = trained.model.score(TEXT[:600])
    assert main(["score", str(trained.folder), text]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "a.txt: 599 characters, protocol carried" in out
    for name in ("nats_per_character", "bits_per_character", "perplexity"):
        assert f"{name.replace('_', ' '):20}{getattr(wanted, name):.4f}" in out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(TEXT[:600].encode())))
    assert main(["score", str(trained.folder), "-", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["nats_per_character"] == pytest.approx(wanted.nats_per_character)
    assert (figures["corpus"], figures["protocol"], figures["characters"]) == ("standard input", "carried", 599)


@pytest.mark.thorough
def test_a_model_that_goes_on_learning_has_a_figure_of_its_own(trained, text, capsys):
    assert main(["score", str(trained.folder), text, "--dynamic-rate", "0", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    dynamic = figures["dynamic"]
    assert figures["nats_per_character"] == pytest.approx(trained.model.score(TEXT[:600]).nats_per_character)
    assert dynamic["nats_per_character"] == pytest.approx(figures["nats_per_character"], rel=1e-5)  # it learns nothing
    assert (dynamic["rate"], dynamic["decay"], dynamic["segment"]) == (0, 0.005, 64)


def test_an_ensemble_is_called_one(trained, second, capsys):
    pathlib.Path("a.txt").write_text("the")
    assert main(["score", f"{trained.folder}+{second.folder}", "a.txt"]) == 0
    assert "a.txt: 2 characters, protocol carried, an ensemble of 2 models\n" in capsys.readouterr().out


def test_each_line_has_its_own_figures(trained, text, capsys):
    nats = trained.model.score(TEXT[:600]).nats
    lines = TEXT[:600].splitlines(keepends=True)
    assert main(["score", str(trained.folder), text, "--lines", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    end = 0
    for number, (row, line) in enumerate(zip(document["lines"], lines, strict=True), start=1):
        begin, end = end, end + len(line)
        of_line = nats[max(0, begin - 1) : end - 1]  # the first character of the text has none
        assert (row["line"], row["characters"]) == (number, len(of_line))
        np.testing.assert_allclose(row["nats_per_character"], of_line.mean(), rtol=1e-4)
    assert main(["score", str(trained.folder), text, "--lines"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == ["line", "bits", "text"]
    second = document["lines"][1]
    assert out[2] == f"      2 {second['bits_per_character']:7.3f}  {lines[1].rstrip()}"


def test_a_line_without_a_prediction_has_none(trained, capsys):
    pathlib.Path("a.txt").write_text("\nthe\n")
    assert main(["score", str(trained.folder), "a.txt", "--lines", "--json"]) == 0
    first = json.loads(capsys.readouterr().out)["lines"][0]
    assert first == {"line": 1, "characters": 0, "nats_per_character": None, "bits_per_character": None}


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("size", "bytes_of_memory"),
    [
        (1_000_000, 15_000_000),  # read as one piece it would need 20 MB
        pytest.param(10_000_000, 30_000_000, marks=pytest.mark.thorough),
    ],
)
def test_a_line_of_megabytes_fits_forty_columns_and_little_memory(trained, capsys, monkeypatch, size, bytes_of_memory):
    monkeypatch.setenv("COLUMNS", "40")
    size = pathlib.Path("long.txt").write_text(TEXT.replace("\n", " ") * (size // len(TEXT)))
    tracemalloc.start()
    try:
        assert main(["score", str(trained.folder), "long.txt", "--lines"]) == 0
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < bytes_of_memory
    out = capsys.readouterr().out.splitlines()
    assert out[1].startswith("      1 ") and out[1].endswith("  the quick brown fox jum") and len(out[1]) == 40
    assert f"{size - 1:,} characters" in out[2]


def test_unknown_characters_follow_the_policy_of_the_model(trained, capsys):
    model = trained.model
    model.vocabulary = Vocabulary(TEXT, unknown="drop")
    model.save("drop.keras")
    model.vocabulary = Vocabulary(TEXT)
    pathlib.Path("a.txt").write_text("th☃e qui☃ck")
    assert main(["score", "drop.keras", "a.txt"]) == 0
    out = capsys.readouterr().out
    assert "8 characters, protocol carried" in out
    assert "2 characters are unknown to the model, and were dropped" in out
    assert main(["score", "drop.keras", "a.txt", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unknown"] == 2


@pytest.mark.parametrize("form", [[], ["--json"], ["--json", "--lines"]])
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("empty.txt", "empty.txt is too short for a score: it needs at least 2 characters"),
        ("snow.txt", "snow.txt has the character '☃' (U+2603), at 4 (line 2), which the model's vocabulary"),
        ("latin.txt", "latin.txt is not UTF-8: byte 2 (0xe9) in line 1"),
        ("a.tx", "a.tx cannot be read: No such file or directory, did you mean 'a.txt'?"),
        (".", ". cannot be read: Is a directory"),
    ],
)
def test_a_mistake_is_one_message_status_2_and_no_half_of_a_document(trained, text, capsys, name, message, form):
    pathlib.Path("empty.txt").write_text("")
    pathlib.Path("snow.txt").write_text("the\n☃")
    pathlib.Path("latin.txt").write_bytes("thé".encode("latin1"))
    assert main(["score", str(trained.folder), name, *form]) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and "Traceback" not in err
