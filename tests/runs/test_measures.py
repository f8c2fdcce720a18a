import dataclasses
import json
import pathlib
import shutil

import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.errors import CorpusError, RunError, SettingsError, VocabularyError, WindowsError
from keras_charrnn.model.dynamic import Dynamic, Learning
from keras_charrnn.model.evaluation import Scorer
from keras_charrnn.runs import RunFolder
from keras_charrnn.runs.measures import Evaluation, evaluate_pieces
from keras_charrnn.text import corpora
from keras_charrnn.text.vocabularies import Vocabulary
from tests.conftest import TEXT


@pytest.mark.parametrize(
    ("split", "begin", "end"), [("train", 0, 2296), ("validation", 2296, 2952), ("test", 2952, 3280)]
)
def test_a_split_is_evaluated_as_the_recipe_cut_it(trained, split, begin, end):
    evaluation = keras_charrnn.evaluate(trained, split=split)
    assert evaluation.characters == end - begin - 1
    np.testing.assert_allclose(
        evaluation.nats_per_character, trained.model.score(TEXT[begin:end]).nats_per_character, rtol=1e-6
    )
    named = (evaluation.protocol, evaluation.split, evaluation.corpus, evaluation.chosen_by, evaluation.seed)
    assert named == ("carried", split, "text", "validation", None)


def test_the_validation_split_has_the_loss_of_training(trained):
    evaluation = keras_charrnn.evaluate(str(trained.folder))
    np.testing.assert_allclose(evaluation.nats_per_character, trained.metrics["val_loss"], rtol=1e-4)
    mapping = evaluation.to_mapping()
    assert list(mapping)[:4] == ["nats_per_character", "bits_per_character", "perplexity", "characters"]
    np.testing.assert_allclose(mapping["bits_per_character"], mapping["nats_per_character"] / np.log(2))
    np.testing.assert_allclose(mapping["perplexity"], np.exp(mapping["nats_per_character"]))
    assert json.loads(json.dumps(mapping)) == mapping
    assert {field.name for field in dataclasses.fields(evaluation)} <= set(mapping)


def test_the_figures_of_dynamic_evaluation_stand_by_themselves():
    mapping = Evaluation(2.0, 9, "carried", "text", dynamic=Dynamic(1.5, Learning(rate=0.01))).to_mapping()
    assert mapping["nats_per_character"] == 2.0
    assert mapping["dynamic"] == {
        "nats_per_character": 1.5,
        "bits_per_character": 1.5 / np.log(2),
        "perplexity": pytest.approx(np.exp(1.5)),
        "rate": 0.01,
        "decay": 0.005,
        "segment": 64,
    }


def test_random_windows_are_another_measure_with_its_seed(trained, monkeypatch):
    seed, batches, what = Scorer.windows.__defaults__
    monkeypatch.setattr(Scorer.windows, "__defaults__", (seed, 2, what))
    one = keras_charrnn.evaluate(trained, protocol="windows", seed=1)
    assert (one.protocol, one.seed, one.characters * batches // 2) == ("windows", 1, 12_800 * 256)
    # A window begins with nothing to go by, which costs a little.
    assert one.nats_per_character == pytest.approx(keras_charrnn.evaluate(trained).nats_per_character, rel=0.1)
    one, two, other = (keras_charrnn.evaluate(trained, protocol="windows", seed=seed) for seed in (1, 1, 2))
    assert one == two and one.nats_per_character != other.nats_per_character


def test_any_text_can_be_evaluated_by_a_run_a_model_or_a_file(trained):
    wanted = trained.model.score(TEXT[:500]).nats_per_character
    for source in (trained, trained.model, trained.folder / "model.keras"):
        evaluation = keras_charrnn.evaluate(source, TEXT[:500])
        np.testing.assert_allclose(evaluation.nats_per_character, wanted, rtol=1e-6)
        assert (evaluation.corpus, evaluation.split) == ("text", None)
        assert evaluation.chosen_by == ("validation" if source is trained else None)
    named = corpora.from_text("poem", TEXT[:500], "poem.txt")
    assert keras_charrnn.evaluate(trained, named).corpus == "poem"


def test_an_ensemble_of_runs_is_measured_on_the_split_that_they_share(trained, second):
    text, models = TEXT[2296:2952], [trained.model, second.model]
    mean = np.mean([np.exp(-each.score(text).nats.astype("float64")) for each in models], 0)
    found = keras_charrnn.evaluate(f"{trained.folder}+{second.folder}")
    np.testing.assert_allclose(found.nats_per_character, -np.log(mean).mean(), rtol=1e-5)
    assert (found.split, found.chosen_by, found.characters) == ("validation", "validation", 655)
    assert found.members == (str(trained.folder), str(second.folder))
    ensemble = keras_charrnn.load([trained.folder, second.folder])
    assert keras_charrnn.evaluate(ensemble, "the").members == found.members
    assert found.to_mapping()["ensemble"] is True and keras_charrnn.evaluate(trained).to_mapping()["ensemble"] is False


def test_runs_of_other_parts_of_a_text_share_no_split(trained, second, tmp_path):
    shutil.copytree(second.folder, tmp_path / "other-001")
    record = tmp_path / "other-001" / "environment.json"
    environment = json.loads(record.read_text())
    environment["split"]["train"] += 1
    record.write_text(json.dumps(environment))
    with pytest.raises(SettingsError, match="were not trained on the same part of the same text, and have no split in"):
        keras_charrnn.evaluate([trained.folder, tmp_path / "other-001"])


def test_unknown_characters_are_counted_where_the_vocabulary_lets_them_pass(make_model):
    model = make_model()
    model.vocabulary = Vocabulary(TEXT, unknown="drop")
    evaluation = keras_charrnn.evaluate(model, "th☃e ☃quick")
    assert (evaluation.unknown, evaluation.characters) == (2, 8)


def test_a_text_in_pieces_has_the_figures_of_the_whole(trained):
    watched = []
    evaluation = evaluate_pieces(trained, [TEXT[:300], TEXT[300:700]], "a.txt", lambda *each: watched.append(each))
    whole = keras_charrnn.evaluate(trained, TEXT[:700])
    np.testing.assert_allclose(evaluation.nats_per_character, whole.nats_per_character, rtol=1e-5)
    assert dataclasses.replace(evaluation, nats_per_character=0, corpus="text") == dataclasses.replace(
        whole, nats_per_character=0
    )
    assert [piece for piece, _ in watched] == [TEXT[:300], TEXT[300:700]]
    with pytest.raises(SettingsError, match=r"a\.txt is too short for a score: it needs at least 2 characters"):
        evaluate_pieces(trained, ["t"], "a.txt")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"protocol": "carry"}, SettingsError, "protocol must be one of carried, windows; .* did you mean 'carried'"),
        ({"split": "valid"}, SettingsError, "split must be one of train, validation, test; received 'valid'"),
        ({"text": "t"}, SettingsError, "the text has 1 characters to evaluate; at least 2"),
        ({"text": "thé"}, VocabularyError, "the text has the character 'é'"),
        ({"dynamic": {"speed": 1}}, SettingsError, "dynamic must be true, false or a mapping of rate, decay, segment"),
        ({"text": "the", "protocol": "windows"}, WindowsError, "the text: the protocol windows needs at least 257"),
    ],
)
def test_a_mistake_is_told(trained, arguments, error, message):
    with pytest.raises(error, match=message):
        keras_charrnn.evaluate(trained, **arguments)


def test_a_source_that_is_none_is_told(make_model, tmp_path):
    with pytest.raises(SettingsError, match="a model has no corpus of its own; give a text"):
        keras_charrnn.evaluate(make_model())
    with pytest.raises(SettingsError, match="must be a Run, a CharRNN, an Ensemble or a path; received 3"):
        keras_charrnn.evaluate(3, "the")
    with pytest.raises(RunError, match="there is no run folder"):
        keras_charrnn.evaluate(tmp_path / "none-001")


def test_a_split_that_is_empty_and_a_text_that_has_changed_are_told(tiny, tmp_path):
    run = keras_charrnn.fit(tiny, {"training.epochs": 1}, console=rich.console.Console(quiet=True))
    with pytest.raises(SettingsError, match=r"has no test split: its recipe has split\.test at 0"):
        keras_charrnn.evaluate(run, split="test")
    (tmp_path / "text.txt").write_text(TEXT + "more")
    with pytest.raises(CorpusError, match=r"text\.txt is not the text that .*tiny-001 was trained on any more"):
        keras_charrnn.evaluate(run)
    pathlib.Path(RunFolder(run.folder).environment).write_text("{")
    with pytest.raises(RunError, match=r"environment\.json is damaged"):
        keras_charrnn.evaluate(run)
