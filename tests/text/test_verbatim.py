"""What a text repeats of another, against searches by hand."""

import io
import json
import pathlib
import shutil
import time

import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import CorpusError, RunError, SettingsError
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.measures import training_text
from keras_charrnn.text import corpora
from keras_charrnn.text.verbatim import BLOCK, Memorization, memorization
from tests.conftest import TEXT, tiny_recipe

FOX = "the quick brown fox jumps over the lazy dog.\nHow vexingly quick daft zebras jump!\n"


@pytest.mark.parametrize(
    ("text", "longest", "share"),
    [
        ("", "", None),
        ("☃", "", None),
        ("Quick brown cats", "uick brown ", None),
        (FOX[:50], FOX[:50], 1.0),
        (FOX[:50] + "☃", FOX[:50], 0.5),  # two pieces of 50, of which one has the snowman
        ("☃" * 50, "", 0.0),
        ([FOX[:30], FOX[20:75]], FOX[20:75], 1.0),  # six pieces, all of the second
        ([FOX[:25] + "☃", FOX[25:]], FOX[25:], 1.0),  # and not one piece across the two
    ],
)
def test_what_stands_in_the_other_text_is_found(text, longest, share):
    found = keras_charrnn.memorization(text, FOX)
    assert (found.longest, found.share, found.length) == (longest, share, len(longest))


def test_a_repetition_across_blocks_and_pieces_is_found_whole(rng):
    noise = "".join(rng.choice(list("abcdefgh"), 2 * BLOCK))
    text = noise[BLOCK - 150 : BLOCK + 250]
    for size in (len(noise), 100, 70_001):
        pieces = (noise[i : i + size] for i in range(0, len(noise), size))
        assert memorization("☃" + text + "☃", pieces) == Memorization(text, 351 / 353)
    assert memorization(text, corpora.from_text("noise", noise, "nowhere")).longest == text


def test_a_long_text_of_one_character_is_no_harder():
    started = time.perf_counter()
    found = memorization("a" * 3000, ["a" * 300_000, "b" * 300_000])
    assert found == Memorization("a" * 3000, 1.0) and time.perf_counter() - started < 5


def test_equal_hashes_do_not_count_as_equal_texts():
    # The Thue-Morse sequence and its complement have the same polynomial modulo 2**64 with any odd base.
    bits = np.array([bin(i).count("1") % 2 for i in range(2**11)])
    one, other = ("".join(np.where(bits == which, "a", "b")) for which in (0, 1))
    found = memorization(one, other)
    assert found.longest != one and found.longest in one and found.longest in other
    pieces = [one[i : i + 50] for i in range(len(one) - 49)]
    assert found.share == sum(piece in other for piece in pieces) / len(pieces)


def test_the_longest_piece_is_said_in_a_line():
    assert str(Memorization("a\nb", 0.125)) == (
        "the longest piece that the training text has too is 'a\\nb', 3 characters; of all pieces of 50 characters it "
        "has 12.5%"
    )
    line = str(Memorization("a" * 500 + "b" * 500, None))
    assert f"'{'a' * 50} … {'b' * 50}', 1000 characters" in line and "12.5" not in line


def test_shakespeare_takes_a_second(shakespeare):
    text = corpora.load("tiny_shakespeare").text
    sample = text[5000:5300] + "☃" + "".join(np.random.default_rng(1).choice(list(text[:1000]), 1000))
    started = time.perf_counter()
    found = memorization(sample, text)
    assert time.perf_counter() - started < 1 and found.longest == text[5000:5300]


def train(folder):
    console = rich.console.Console(file=io.StringIO(), width=80)
    recipe = tiny_recipe(folder)
    recipe["samples"] |= {"every_epochs": 1, "length": 120}
    keras_charrnn.fit(recipe, {"training.epochs": 3}, folder / "runs", console=console)
    (folder / "shown.txt").write_text(console.file.getvalue())


@pytest.fixture
def run(once):
    """Return a run that has made samples, whose folder must stay as it is."""
    folder = once("with_samples", train)
    run = keras_charrnn.Run.open(folder / "runs" / "tiny-001")
    run.shown = (folder / "shown.txt").read_text()
    return run


def test_the_last_samples_of_a_run_are_measured_and_shown(run):
    samples, found = RunFolder(run.folder).read_memorization()
    title, *rest = (run.folder / "samples" / "epoch-003.txt").read_text().split("--- epoch 3, temperature ")[1:]
    texts = [each.partition(" ---\n")[2].removeprefix("the ") for each in (title, *rest)]
    learned = TEXT[: int(0.9 * len(TEXT))]
    assert samples == "epoch 3" and found.longest in learned and any(found.longest in each for each in texts)
    longest = max(j - i for t in texts for i in range(len(t)) for j in range(i, len(t) + 1) if t[i:j] in learned)
    assert found.length == longest
    assert f"In the samples of epoch 3, {found}." in run.shown
    assert f"{found.length} characters; of all pieces" in (run.folder / "report.html").read_text()
    assert json.loads((run.folder / "memorization.json").read_text())["length"] == longest
    damaged = pathlib.Path(shutil.copytree(run.folder, "damaged"))
    (damaged / "memorization.json").write_text('{"samples": 3}')
    with pytest.raises(RunError, match=r"memorization\.json is damaged: samples is not what it should be"):
        RunFolder(damaged).read_memorization()


def test_sample_says_how_much_is_learned_by_heart(run, capsys):
    arguments = ["sample", str(run.folder), "--prefix", "the ", "--length", "80", "--seed", "1", "--memorization"]
    assert main(arguments) == 0
    text, said = capsys.readouterr()
    found = memorization(text.removeprefix("the ")[:80], TEXT[: int(0.9 * len(TEXT))])
    assert said == f"keras-charrnn: {found}\n"
    assert main([*arguments, "--num-samples", "2"]) == 0
    assert "keras-charrnn: the longest piece" in capsys.readouterr().err
    assert main(["sample", str(run.folder / "model.keras"), "--memorization"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and "give the run's folder" in err


def test_the_training_text_is_what_the_model_has_seen(tiny, tmp_path):
    (tmp_path / "text.txt").write_text("☃" + TEXT)
    console = rich.console.Console(quiet=True)
    settings = {"vocabulary": {"min_count": 2}, "training.epochs": 1, "samples.every_epochs": 0}
    for policy, wanted in (("drop", TEXT[:2952]), ("replace", "\ufffd" + TEXT[:2951])):
        run = keras_charrnn.fit(tiny, {**settings, "vocabulary.unknown": policy}, name=policy, console=console)
        assert "".join(training_text(run)) == wanted
        assert len(run.model.vocabulary) == len(set(TEXT)) + (policy == "replace")
        assert RunFolder(run.folder).read_memorization() is None
    with pytest.raises(SettingsError, match=r"a model alone does not know the text .*; give the run's folder"):
        training_text(run.model)
    with pytest.raises(RunError, match="there is no run folder"):
        training_text(tmp_path / "none-001")
    (tmp_path / "text.txt").write_text(TEXT)
    with pytest.raises(CorpusError, match=r"is not the text that .* was trained on any more"):
        training_text(run)
