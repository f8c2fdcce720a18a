import json
import pathlib

import pytest
import yaml

from keras_charrnn.cli import main

pytest.importorskip("optuna")


@pytest.fixture
def recipe(tiny):
    tiny |= {"samples": {"every_epochs": 0}, "tune": {"model.units": [6, 8]}}
    tiny["training"]["epochs"] = 1
    pathlib.Path("tiny.yaml").write_text(yaml.safe_dump(tiny))
    return "tiny.yaml"


def test_tune_prints_a_table_and_how_to_go_on_and_goes_on(recipe, capsys):
    assert main(["tune", recipe, "--minutes", "5", "--trials", "1", "--output", "out"]) == 0
    out, err = capsys.readouterr()
    assert err == "" and "model.units" in out and "done, best" in out and "\x1b" not in out
    assert "in out: tune.csv, tune.json, tune.md, best.yaml, and each run" in out
    assert "to train it again:\n    keras-charrnn train out/best.yaml\n" in out
    assert "to go on with the search:\n    keras-charrnn tune out --minutes 5\n" in out
    assert main(["tune", "out", "--minutes", "5", "--json"]) == 0
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document == json.loads(pathlib.Path("out/tune.json").read_text()) and "trial 2" in err
    assert sorted(each["values"]["model.units"] for each in document["trials"]) == [6, 8]


def test_a_search_without_a_loss_is_exit_status_1_and_mistakes_are_2(recipe, capsys):
    cells = "tune={model.cell: [{name: lstm, nonsense: 1}], model.units: [6]}"
    assert main(["tune", recipe, "--minutes", "5", "--quiet", "--set", cells]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("keras-charrnn: no trial came to a loss: the cell 'lstm' refuses")
    assert main(["tune", recipe, "--minutes", "0"]) == 2
    assert "minutes must be a number above 0" in capsys.readouterr().err
    assert main(["tune", recipe, "--minutes", "1", "--set", "tune={model.unit: [6]}"]) == 2
    assert "tune.model.unit[0]: model.unit: unknown key, did you mean 'units'" in capsys.readouterr().err
    with pytest.raises(SystemExit, match="2"):
        main(["tune", recipe])
