import io
import json
import pathlib
import sys

import pytest
import yaml

from keras_charrnn.cli import main
from keras_charrnn.cli.compare import confirm
from keras_charrnn.errors import SettingsError

BRIEF = ["--set", "training.epochs=1", "--set", "samples.every_epochs=0"]


@pytest.fixture
def recipe(tiny):
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump(tiny))
    return "tiny.yaml"


def test_compare_prints_a_table_and_where_the_files_are(recipe, capsys):
    arguments = ["--cells", "gru,{name: slstm, forget_gate: sigmoid}", "--parameters", "3000", "--output", "out"]
    assert main(["compare", recipe, *arguments, *BRIEF]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.count("validation ") == 2 and "Models matched to 3,000 parameters" in out
    assert "in out: comparison.csv, comparison.json, comparison.md" in out and "\x1b" not in out
    variants = json.loads(pathlib.Path("out/comparison.json").read_text())["variants"]
    assert variants[1]["overrides"] == {"model.cell": {"name": "slstm", "forget_gate": "sigmoid"}}
    assert all(abs(each["parameters"] - 3000) < 0.05 * 3000 for each in variants)
    assert out.startswith("study    trainings: 2, of rows: 2, seeds: 1\n")
    table = out[out.index(" cell  ") : out.index("Models matched")]
    assert max(map(len, table.splitlines())) <= 80 and "slstm, " in table


def test_a_cell_that_fails_is_exit_status_1_and_its_reason_is_shown(recipe, capsys):
    assert main(["compare", recipe, "--cells", "gru,{name: lstm, nonsense: 1}", "--match", "units", *BRIEF]) == 1
    out, err = capsys.readouterr()
    assert "lstm, nonsense: 1 failed: the cell 'lstm' refuses" in out
    assert err.startswith("keras-charrnn: failed: lstm, nonsense: 1 (why: runs/tiny-compare-001/comparison.md)")
    assert pathlib.Path("runs/tiny-compare-001/gru-001/model.keras").is_file()


def test_quiet_prints_nothing_and_mistakes_are_exit_status_2(recipe, capsys):
    assert main(["compare", recipe, "--cells", "gru", "--quiet", *BRIEF]) == 0
    assert capsys.readouterr() == ("", "")
    assert main(["compare", recipe, "--cells", "gruu"]) == 2
    assert "did you mean 'gru'" in capsys.readouterr().err
    assert main(["compare", recipe, "--cells", "gru,{"]) == 2
    assert "--cells: " in capsys.readouterr().err


def test_cells_optimizers_grid_and_rates_are_trained_as_asked_for(recipe, capsys):
    """The best of the rates is kept; one at which the training fails is no failure."""
    asked = ["--cells", "gru", "--optimizers", "{name: sgd, learning_rate: 1.0e-3}", "--set-grid", "model.units=5"]
    assert main(["compare", recipe, *asked, "--rates", "1e30,1", "--output", "out", *BRIEF]) == 0
    out, err = capsys.readouterr()
    assert err == "" and out.startswith("study    trainings: 2, of rows: 1, learning rates of each: 2, seeds: 1\n")
    assert "note     model.units varies, so that parameters are not matched\n" in out
    assert "gru, sgd, learning_rate: 0.001, model.units 5  5 units, " in out and "learning rate 1e+27  failed: " in out
    assert "Models with the units asked for" in out and "0.001*" in out
    document = json.loads(pathlib.Path("out/comparison.json").read_text())
    assert document["rates"] == [1.0, 1e30] and document["varies"]["model.units"] == [5] and document["complete"]
    (variant,) = document["variants"]
    assert [bool(trial["error"]) for trial in variant["trials"]] == [False, True] and variant["error"] == ""
    run = yaml.safe_load(pathlib.Path("out", variant["trials"][0]["run"], "recipe.yaml").read_text())
    assert run["model"]["units"] == 5 and run["training"]["optimizer"] == {"name": "sgd", "learning_rate": 0.001}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing varies; write cells, optimizers or a grid, as in --cells gru,lstm, "),
        (["--set-grid", "units"], "'units' sets nothing; write a path, '=' and values, as in model.units=128,256"),
        (
            ["--set-grid", "model.units=8", "--set-grid", "model.units =9"],
            "--set-grid: 1 problem\n  - model.units: is given twice; write all of its values behind one --set-grid",
        ),
        (["--set-grid", "model.units="], "grid.model.units: must be a list of one or more values, not []"),
        (["--set-grid", "model.units=[8"], "--set-grid model.units: "),
        (["--set-grid", "model.units=8", "--set", "model.units=8"], "is set by an override too"),
        (["--optimizers", "adam,adamm"], "optimizers[1]: must be adam, "),
        (["--cells", "gru", "--rates", "2"], "rates must be two or more different numbers above 0"),
        (
            ["--cells", "gru,lstm", "--rates", "1,2", "--seeds", "50"],
            "102 trainings, and nothing was begun; give fewer values, or --yes to have them all\n",
        ),
    ],
)
def test_mistakes_in_what_varies_are_exit_status_2(arguments, message, recipe, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))  # no terminal: nobody is asked
    assert main(["compare", recipe, *arguments]) == 2
    out, err = capsys.readouterr()
    assert message in err and out == "" and not pathlib.Path("runs").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("answer", "goes_on"), [("y\n", True), (" Yes \n", True), ("\n", False), ("n\n", False), ("", False)]
)
def test_on_a_terminal_many_trainings_are_asked_about(answer, goes_on, monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stdout", Terminal())
    if goes_on:
        confirm(1200)
    else:
        with pytest.raises(SettingsError, match="1,200 trainings, and nothing was begun"):
            confirm(1200)
    assert sys.stdout.getvalue() == "1,200 trainings; go on? [y/N] "
    confirm(100)  # of as many nobody is asked
    assert sys.stdout.getvalue().count("trainings") == 1


def test_yes_is_an_answer_beforehand(recipe, capsys):
    """The text cannot be found: the question would have come before it."""
    missing = ["--set", "corpus.path=none.txt", "--cells", "gru", "--seeds", "101"]
    assert main(["compare", recipe, *missing]) == 2 and "101 trainings" in capsys.readouterr().err
    assert main(["compare", recipe, *missing, "--yes"]) == 2 and "none.txt" in capsys.readouterr().err
