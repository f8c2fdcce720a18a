import json
import pathlib

import pytest
import yaml

from keras_charrnn.cli import main

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
    cells = json.loads(pathlib.Path("out/comparison.json").read_text())["variants"]
    assert cells[1]["overrides"] == {"name": "slstm", "forget_gate": "sigmoid"}
    assert all(abs(cell["parameters"] - 3000) < 0.05 * 3000 for cell in cells)
    table = out[out.index("  cell ") : out.index("Models matched")]
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
