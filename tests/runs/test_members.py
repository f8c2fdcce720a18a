"""Paths of several runs: where a "+" stands between two, and where it is a part of a name."""

import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import SettingsError
from keras_charrnn.runs.members import members_of


@pytest.fixture
def folders(tmp_path):
    for name in ("a", "b", "a+b", "my+runs/x-001", "my+runs/x-002", "c++"):
        pathlib.Path(name).mkdir(parents=True)


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("a", None),
        ("a+b", None),  # there is such a folder
        ("a+b+b", ["a+b", "b"]),
        ("b+a", ["b", "a"]),
        ("b+a+c", ["b", "a", "c"]),
        ("my+runs/x-001", None),
        ("my+runs/x-001+my+runs/x-002", ["my+runs/x-001", "my+runs/x-002"]),
        ("my+runs/none", None),
        ("c++/none-001", None),
        ("a+c++/none-001", ["a", "c++/none-001"]),
        ("my+runs/x-001+c++/none-001+none", ["my+runs/x-001", "c++/none-001", "none"]),
        (pathlib.Path("b+a"), ["b", "a"]),
        (["a+b", pathlib.Path("c+d")], ["a+b", "c+d"]),
        ("+".join(f"{number:0100d}" for number in range(60)), [f"{number:0100d}" for number in range(60)]),
    ],
)
def test_a_path_names_one_run_or_several(path, members):
    assert members_of(path) == members


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a+", r"^a\+ is no ensemble: it takes two runs or more, as in runs/my-001\+runs/my-002$"),
        ("+a", r"^\+a is no ensemble"),
        ("a++b", r"^a\+\+b is no ensemble"),
        (["a"], "^a is no ensemble"),
        ([], r"^\[\] is no ensemble"),
        ("a+b+a", "an ensemble has each of its members once; a is there twice"),
    ],
)
def test_what_is_no_ensemble_is_told(path, message):
    with pytest.raises(SettingsError, match=message):
        members_of(path)


@pytest.mark.usefixtures("folders")
@given(st.lists(st.sampled_from(["a", "b", "c", "a+b", "my+runs/x-001", "my"]), min_size=2, max_size=6, unique=True))
def test_members_together_are_the_path(names):
    path = "+".join(names)
    try:
        found = members_of(path) or [path]
    except SettingsError as error:
        assert "is there twice" in str(error)  # "a", "b" and "a+b" in this order, or the like
        return
    assert "+".join(found) == path
    assert all(pathlib.Path(each).exists() or "+" not in each for each in found)


def test_an_ensemble_is_loaded_by_its_path_or_a_list(trained, second):
    for path in (f"{trained.folder}+{second.folder}", [trained.folder, second.folder / "model.keras"]):
        ensemble = keras_charrnn.load(path)
        assert len(ensemble.models) == 2 and ensemble.names[0] == str(trained.folder)
        assert ensemble.vocabulary == trained.model.vocabulary


@pytest.mark.parametrize(
    "command", [["resume"], ["report"], ["export", "--format", "weights"], ["inspect", "--text", "text.txt"]]
)
def test_what_takes_one_run_refuses_an_ensemble_in_one_line(trained, second, capsys, command):
    pathlib.Path("text.txt").write_text("the")
    ensemble = f"{trained.folder}+{second.folder}"
    assert main([command[0], ensemble, *command[1:]]) == 2
    out, err = capsys.readouterr()
    assert out == "" and err == (
        f"keras-charrnn: {ensemble} is an ensemble, which evaluate, score, sample, write, serve and teacher.from take, "
        "and nothing else; give one run\n"
    )


def test_a_sample_of_an_ensemble_says_so_on_standard_error(trained, second, capsys):
    assert main(["sample", f"{trained.folder}+{second.folder}", "--length", "5", "--seed", "1"]) == 0
    out, err = capsys.readouterr()
    assert len(out) == 5 + 1
    assert err == "keras-charrnn: an ensemble, the mean of the probabilities of 2 models\n"
