"""What an inspection finds, against computations of its own."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn.errors import SettingsError, VocabularyError
from keras_charrnn.model import Ensemble
from keras_charrnn.registry import register_cell
from keras_charrnn.views import inspection
from keras_charrnn.views.inspection.levels import activity_levels, surprise_levels
from tests.cells.test_contract import Peephole
from tests.conftest import TEXT

QUOTED = 'He said: "Go on,\nthen." So\nI went.\n\n"Open and\n\nclosed, “Yes” and “no'


def reference(model, text):
    """Return the distribution before each character but the first, and all states after each: one step at a time."""
    states, distributions, history = model.initial_states(1), [], []
    for each in model.vocabulary.encode(text):
        logits, states = model.step(tf.constant([each], tf.int32), states)
        exponentials = np.exp(logits.numpy()[0].astype("float64"))
        distributions.append(exponentials / exponentials.sum())
        history.append([[state.numpy()[0] for state in layer] for layer in states])
    return np.array(distributions[:-1]), history


DEEP = {"cell": "lstm", "layers": 2, "embedding": "one_hot"}


@pytest.mark.parametrize(
    ("settings", "characters"),
    [
        ({"ngrams": 3}, 2),
        ({}, 256),
        (DEEP, 257),
        *(
            pytest.param(*rest, marks=pytest.mark.thorough)
            for rest in (({}, 257), ({}, 600), (DEEP, 2), (DEEP, 256), (DEEP, 600))
        ),
    ],
)
def test_surprise_guesses_and_states_are_those_of_the_model(make_model, settings, characters):
    model, text = make_model(**settings), TEXT[:characters]
    seen = inspection.trace(model, text)
    distributions, history = reference(model, text)
    ids = model.vocabulary.encode(text)
    assert seen.text == text and np.isnan(seen.nats[0])
    np.testing.assert_allclose(seen.nats[1:], model.score(text).nats, atol=1e-4)
    np.testing.assert_allclose(seen.nats[1:], -np.log(distributions[np.arange(len(ids) - 1), ids[1:]]), atol=1e-4)
    np.testing.assert_allclose(seen.probabilities[1:], -np.sort(-distributions)[:, :5], atol=1e-5)
    chosen = np.take_along_axis(distributions, seen.guesses[1:], axis=1)
    np.testing.assert_allclose(chosen, seen.probabilities[1:], atol=1e-5)
    names = ["h", "c"] if settings.get("cell") == "lstm" else ["h"]
    assert list(seen.states) == [(layer, name) for layer in range(1, 1 + model.settings.layers) for name in names]
    for (layer, name), states in seen.states.items():
        wanted = [after[layer - 1 - model.settings.layers][names.index(name)] for after in history]
        np.testing.assert_allclose(states, wanted, atol=1e-5)
    if "ngrams" in settings:
        np.testing.assert_array_equal(seen.previous, [[[ids[0] + 1, 0], [ids[1] + 1, ids[0] + 1]]])
    np.testing.assert_array_equal(seen.activity(inspection.Unit(1, "h", 3)), seen.states[1, "h"][:, 3])


def test_what_a_reader_knows_of_each_place():
    measure = {name: function('A "b\nC" d') for name, function in inspection.PROPERTIES.items()}
    np.testing.assert_array_equal(measure["inside quotes"], [0, 0, 1, 1, 1, 1, 0, 0, 0])
    np.testing.assert_array_equal(measure["position in the line"], [1, 2, 3, 4, 0, 1, 2, 3, 4])
    np.testing.assert_array_equal(measure["after a newline"], [0, 0, 0, 0, 1, 0, 0, 0, 0])
    np.testing.assert_array_equal(measure["letter case"], [1, np.nan, np.nan, 0, np.nan, 1, np.nan, np.nan, 0])
    quoted = dict(zip(QUOTED, inspection.PROPERTIES["inside quotes"](QUOTED), strict=True))
    assert quoted["G"] and quoted["O"] and quoted["Y"] and not quoted["S"] and not quoted["w"] and not quoted["”"]
    assert not inspection.PROPERTIES["inside quotes"](QUOTED)[QUOTED.index("closed")]  # an empty line ended it


def test_the_best_units_are_those_of_the_largest_correlation(make_model):
    model = make_model(text=QUOTED, layers=2, cell="lstm")
    seen = inspection.trace(model, QUOTED * 3)
    found = inspection.find_units(seen, best=2)
    for name, measure in inspection.PROPERTIES.items():
        values = measure(seen.text)
        applies = np.isfinite(values)
        wanted = {
            inspection.Unit(*key, number): np.corrcoef(values[applies], states[applies, number])[0, 1]
            for key, states in seen.states.items()
            for number in range(states.shape[1])
        }
        best = sorted(wanted, key=lambda unit: -abs(wanted[unit]))[:2]
        assert [unit for unit, _ in found[name]] == best
        np.testing.assert_allclose([each for _, each in found[name]], [wanted[unit] for unit in best], atol=1e-5)


def test_a_unit_made_to_count_is_found(make_model):
    """A cell whose state is the position in the line, and another that is at 1 after a line end."""

    class Counting(inspection_cell()):
        pass

    register_cell("counting")(Counting)
    model = make_model(cell="counting", units=3, embedding="one_hot")
    newline = model.vocabulary.symbols.index("\n")
    kernel = np.zeros((len(model.vocabulary), 3), "float32")
    kernel[newline] = 1
    model.recurrent[0].cell.kernel.assign(kernel)
    found = inspection.find_units(inspection.trace(model, TEXT[:500]), best=3)
    unit, correlation = found["position in the line"][0]
    assert str(unit) == "1.h.0" and correlation == pytest.approx(1, abs=1e-5)
    unit, correlation = found["after a newline"][0]
    assert str(unit) == "1.h.1" and correlation == pytest.approx(1, abs=1e-5)
    assert found["inside quotes"] == []  # the text has none
    assert all(each.number != 2 for ranked in found.values() for each, _ in ranked)  # it never moves


def inspection_cell():
    from keras import ops

    from keras_charrnn import GatedCell

    class Cell(GatedCell):
        gates = ("newline",)

        def combine(self, zx, zr, states):
            newline, count = zx[:, :1], states["h"][:, :1]
            return {"h": ops.concatenate([(1 - newline) * (count + 1), newline, ops.zeros_like(newline)], -1)}

    return Cell


@pytest.mark.parametrize(
    "settings",
    [{"cell": "gru", "ngrams": 3}, {"cell": "lstm", "layers": 2}, {"cell": "peephole"}],
)
def test_the_gradient_flow_is_that_of_finite_differences(make_model, rng, settings):
    if settings["cell"] == "peephole":
        register_cell("peephole")(Peephole)
    model = make_model(units=4, **settings)
    for weight in model.trainable_weights:
        weight.assign(weight * 1.5)
    if model.ngrams is not None:
        for table in model.ngrams.tables:
            table.assign(rng.normal(size=table.shape))
    text = TEXT[:9]
    flow = inspection.gradient_flow(model, inspection.trace(model, text), distance=8)
    ids = model.vocabulary.encode(text).astype("int32")
    assert flow.shape == (8, len(model.recurrent))  # one window only: the whole text

    size = 1e-2
    changes = size * tf.concat([tf.eye(4), -tf.eye(4)], 0)  # of one unit each, one in a row

    def losses(states, start):
        for each in ids[start:-1]:
            logits, states = model.step(tf.repeat(each, len(changes)), states)
        return -tf.nn.log_softmax(tf.cast(logits, tf.float64))[:, ids[-1]].numpy()

    states = model.initial_states(1)
    for start in range(8):
        for layer, recurrent in enumerate(model.recurrent):
            squares, place = 0.0, model.state_layers.index(recurrent)
            for index in range(len(states[place])):
                moved = [[tf.repeat(state, len(changes), 0) for state in each] for each in states]
                moved[place][index] += changes
                one, other = np.split(losses(moved, start), 2)
                squares += np.sum(((one - other) / (2 * size)) ** 2)
            assert flow[8 - start - 1, layer] == pytest.approx(np.sqrt(squares), rel=2e-2, abs=1e-5)
        _, states = model.step(tf.constant([ids[start]]), states)


def test_the_gradient_flow_is_a_mean_over_windows(make_model):
    model = make_model()
    seen = inspection.trace(model, TEXT[:12])
    ends = [inspection.gradient_flow(model, inspection.trace(model, TEXT[:n]), 100)[:6] for n in range(7, 13)]
    np.testing.assert_allclose(inspection.gradient_flow(model, seen, 6), np.mean(ends, 0), rtol=1e-4)


def test_units_have_names_that_can_be_typed(make_model):
    model = make_model(cell="lstm", layers=2)
    names = ["3", 4, "h.5", "1.c.6", " 1.h.7 "]
    units = inspection.inspect(model, TEXT[:30], names).units
    assert list(map(str, units)) == ["2.c.3", "2.c.4", "2.h.5", "1.c.6", "1.h.7"]
    best = inspection.inspect(model, TEXT[:300])
    assert set(best.units) == {ranked[0][0] for ranked in best.found.values() if ranked}
    assert best.candidates == 4 * 12


@pytest.mark.parametrize("name", ["12", "3.c.1", "0.c.1", "x.1", "c", "-1", "", "c.", "9" * 5000])
def test_a_unit_that_is_not_there_is_told(make_model, name):
    with pytest.raises(SettingsError, match=r"there is no unit .*; the units are 1\.h\.0 to 1\.h\.11, 1\.c\.0 to"):
        inspection.inspect(make_model(cell="lstm"), TEXT[:30], [name])


@pytest.mark.parametrize("text", ["", "t"])
def test_an_inspection_needs_two_characters(make_model, text):
    with pytest.raises(SettingsError, match="at least 2 characters that the model knows"):
        inspection.inspect(make_model(), text)


def test_an_ensemble_is_not_looked_into(make_model):
    with pytest.raises(SettingsError, match=r"inspect takes a CharRNN; received Ensemble\(one, two\)"):
        inspection.inspect(Ensemble([make_model(), make_model()], ["one", "two"]), "the")


def test_unknown_characters_are_told_or_left_out_as_the_vocabulary_says(make_model):
    with pytest.raises(VocabularyError, match="the text has the character '☃'"):
        inspection.inspect(make_model(), "the ☃")
    model = make_model()
    model.vocabulary.unknown = "drop"
    assert inspection.inspect(model, "t☃he").trace.text == "the"


def test_levels_are_whole_bits_and_shares_of_the_largest():
    nats = np.log(2) * np.array([np.nan, 0.9, 1.1, 7.9, 8, 99])
    assert surprise_levels(nats).tolist() == [0, 0, 1, 7, 8, 8]
    assert activity_levels(np.array([-2.0, 1, 0.2, 0])).tolist() == [-4, 2, 0, 0]
    assert activity_levels(np.zeros(3)).tolist() == [0, 0, 0]
