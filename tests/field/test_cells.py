"""What `keras.layers.RNN` takes as a cell, `Recurrent`, `CharRNN` and `check_cell` take; a new report is a new row."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from keras import ops

import keras_charrnn
from keras_charrnn import Recurrent, cells, register_cell
from keras_charrnn.errors import CellError, SettingsError
from keras_charrnn.testing import examine
from keras_charrnn.views.inspection import trace
from tests.conftest import TEXT

B, T, D = 2, 5, 3
X = np.random.default_rng(3).normal(size=(B, T, D)).astype("float32")
MASK = np.array([[1, 1, 0, 1, 0], [0, 1, 1, 0, 1]], bool)


class Plain(keras.layers.Layer):
    """h' = tanh(x W + h U), y = h' V: states of any structure `sizes`, an output of any width.

    No `units`, no `output_size`, no `get_initial_state`, no argument `training`.
    """

    def __init__(self, sizes, width, **kwargs):
        super().__init__(**kwargs)
        self.state_size, self.width = sizes, width

    def build(self, input_shape):
        total = sum(keras.tree.flatten(self.state_size))
        self.kernel = self.add_weight(shape=(input_shape[-1], total), name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(total, total), name="recurrent_kernel")
        self.output_kernel = self.add_weight(shape=(total, self.width), name="output_kernel")

    def call(self, inputs, states):
        before = keras.tree.flatten(states)
        h = ops.concatenate(before, -1)
        h = ops.tanh(ops.matmul(inputs, self.kernel) + ops.matmul(h, self.recurrent_kernel))
        parts = tf.split(h, [each.shape[-1] for each in before], -1)
        return ops.matmul(h, self.output_kernel), keras.tree.pack_sequence_as(states, parts)


class Started(Plain):
    """With initial states of its own, not zero, by the signature that Keras 2 had."""

    def get_initial_state(self, inputs=None, batch_size=None, dtype=None):
        return keras.tree.map_structure(lambda size: ops.full((batch_size, size), 0.5), self.state_size)


@keras.saving.register_keras_serializable(package="field")
class Bare(Plain):
    """Whose new state stands in no list."""

    def __init__(self, units, **kwargs):
        super().__init__(units, units + 2, **kwargs)

    def call(self, inputs, states):
        output, (h,) = super().call(inputs, states)
        return output, h


@keras.saving.register_keras_serializable(package="field")
class Late(keras.layers.Layer):
    """Without a `build`: its weights are made in its first step."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size, self.output_size = units, 2 * units
        self.inner, self.outer = keras.layers.Dense(units, "tanh"), keras.layers.Dense(2 * units)

    def call(self, inputs, states, training=False):
        h = self.inner(ops.concatenate([inputs, states[0]], -1))
        return self.outer(h), [h]


@keras.saving.register_keras_serializable(package="field")
class Memory(keras.layers.Layer):
    """With a state (B, units, 2) beside h."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size, self.inner = [units, (units, 2)], keras.layers.Dense(units, "tanh")

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.state_size[0])), ops.ones((batch_size, *self.state_size[1]))]

    def build(self, input_shape):
        self.inner.build((None, input_shape[-1] + self.state_size[0]))

    def call(self, inputs, states):
        h, memory = states
        h = self.inner(ops.concatenate([inputs, h], -1))
        memory = 0.5 * memory + h[..., None]
        return ops.concatenate([h, memory[..., 1]], -1), [h, memory]


@keras.saving.register_keras_serializable(package="field")
class Tower(keras.layers.StackedRNNCells):
    """A cell of Keras and one of a user upon it; the output is wider than the units."""

    def __init__(self, units, **kwargs):
        super().__init__([keras.layers.LSTMCell(units), Memory(units)], **kwargs)
        self.units = units

    def get_config(self):
        return {"units": self.units}

    @classmethod
    def from_config(cls, config, custom_objects=None):
        return cls(**config)


CELLS = {
    "simple_rnn": lambda: keras.layers.SimpleRNNCell(4),
    "lstm": lambda: keras.layers.LSTMCell(4),
    "ours": lambda: cells.LSTM(4),
    "ours_linear": lambda: cells.MinGRU(4),
    "tower": lambda: Tower(4),
    "tower_of_one": lambda: keras.layers.StackedRNNCells([keras.layers.LSTMCell(4)]),
    "list": lambda: [keras.layers.GRUCell(4), keras.layers.LSTMCell(2)],
    "bare": lambda: Bare(4),
    "late": lambda: Late(4),
    "memory": lambda: Memory(4),
    "started": lambda: Started([3, (2, [1, 4]), {"b": 2, "a": 1}], 6),
}
SIMPLE = ("simple_rnn", "lstm", "ours", "tower_of_one", "bare")  # which the others show too
OPTIONS = [{}, {"go_backwards": True}, {"return_sequences": False}, {"zero_output_for_mask": True}]


def require_same(received, wanted):
    received, wanted = keras.tree.flatten(received), keras.tree.flatten(wanted)
    for one, other in zip(received, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def keras_loop(cell, **options):
    return keras.layers.RNN(cell, **{"return_sequences": True, **options})


def require_stateful(cell, x, wanted):
    """Two calls of a stateful layer go on from each other, and a reset brings back the beginning."""
    layer = Recurrent(cell, stateful=True)
    require_same(ops.concatenate([layer(x[:, :1]), layer(x[:, 1:])], 1), wanted)
    layer.reset_state()
    require_same(layer(x[:, :1]), wanted[:, :1])


@pytest.mark.filterwarnings("ignore:`build..` was called on layer")  # Keras's, of cells without one
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.thorough if name in SIMPLE else ()) for name in CELLS]
)
def test_a_cell_runs_as_in_keras(name):
    layer = Recurrent(CELLS[name](), return_state=True)
    outputs, states = layer(X)
    require_same((outputs, states), keras_loop(layer.cell, return_state=True)(X))
    assert layer.width == outputs.shape[-1]
    again = layer(X, initial_state=states)
    require_same(again, layer(X, initial_state=keras.tree.flatten(states)))
    require_same(again, keras_loop(layer.cell, return_state=True)(X, initial_state=states))
    require_stateful(layer.cell, X, outputs)


@pytest.mark.parametrize("name", ["ours", "tower", pytest.param("ours_linear", marks=pytest.mark.thorough)])
@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: "".join(each) or "plain")
def test_the_arguments_of_keras_and_a_mask_do_as_there(name, options):
    layer = Recurrent(CELLS[name](), return_state=True, **options)
    other = keras_loop(layer.cell, return_state=True, **options)
    for mask in (None, MASK):
        require_same(layer(X, mask=mask), other(X, mask=mask))
    config = layer.get_config()
    for _ in range(2):  # which leaves the mapping as it is
        assert Recurrent.from_config(config).get_config() == layer.get_config()


@pytest.mark.parametrize("name", ["ours", "tower"])
def test_wrappers_of_keras_take_the_layer(name):
    cell = Recurrent(CELLS[name]()).cell
    both = keras.layers.Bidirectional(Recurrent(cell))
    wanted = keras.layers.Bidirectional(keras_loop(cell))
    both.build(X.shape)
    wanted.build(X.shape)
    wanted.set_weights(both.get_weights())
    for mask in (None, MASK):
        require_same(both(X, mask=mask), wanted(X, mask=mask))
    layer = Recurrent(cell)
    twice = keras.layers.TimeDistributed(layer)(np.stack([X, 2 * X], 1))
    require_same((twice[:, 0], twice[:, 1]), (layer(X), layer(2 * X)))


@pytest.mark.parametrize("options", [{"weight_drop": 0.5}, pytest.param({}, marks=pytest.mark.thorough)])
def test_in_training_a_layer_makes_noise_another_one_each_time(options):
    cell = cells.SimpleRNN(4) if options else cells.Zoneout(cells.SimpleRNN(4), 0.5)
    layer = Recurrent(cell, **options)
    calls = [
        layer(X, training=training, mask=mask).numpy() for training in (True, False) for mask in (None, MASK | True)
    ]
    require_same(calls[2], calls[3])
    assert len({each.tobytes() for each in calls[:3]} | {layer(X, training=True).numpy().tobytes()}) == 4


def test_a_functional_model_takes_any_number_of_steps():
    inputs, layer = keras.Input((None, D)), Recurrent(cells.SimpleRNN(4))
    require_same(keras.Model(inputs, layer(inputs))(X), layer(X))


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (
            [X[:, 0, :2]],
            r"initial_state must have the shapes \[\(None, 3\), \(None, 3\)\], .*; received \[\(None, 2\)\]",
        ),
        ([X[:, 0]], r"received \[\(None, 3\)\]"),
        ([X[:, 0]] * 3, r"received \[\(None, 3\), \(None, 3\), \(None, 3\)\]"),
    ],
)
def test_other_states_than_the_cells_are_refused(state, message):
    with pytest.raises(SettingsError, match=message):
        Recurrent(cells.LSTM(3))(X, initial_state=state)


def test_an_embedding_masks_and_a_functional_model_is_saved(tmp_path):
    ids = keras.Input((T,), dtype="int32")
    embedded = keras.layers.Embedding(4, D, mask_zero=True)(ids)
    both = keras.layers.Bidirectional(Recurrent(cells.GRU(2)))(embedded)
    layer = Recurrent(Tower(4))
    model = keras.Model(ids, [layer(both), both])
    assert both.shape == (None, T, 4)
    given = np.array([[1, 2, 0, 3, 0], [0, 1, 1, 0, 2]])
    outputs, below = model(given)
    require_same(outputs, keras_loop(layer.cell)(below, mask=given > 0))
    model.save(tmp_path / "model.keras")
    require_same(keras.saving.load_model(tmp_path / "model.keras")(given), [outputs, below])


def test_a_cell_whose_states_are_images():
    layer = Recurrent(keras.layers.ConvLSTM1D(2, 3, padding="same").cell, return_state=True)
    frames = np.random.default_rng(1).normal(size=(B, T, 6, D)).astype("float32")
    outputs, states = layer(frames)
    first, last = layer(frames[:, :2]), layer(frames[:, 2:], initial_state=layer(frames[:, :2])[1])
    assert outputs.shape == (B, T, 6, 2)
    require_same((ops.concatenate([first[0], last[0]], 1), last[1]), (outputs, states))


sizes = st.integers(1, 3)
structures = st.recursive(
    sizes,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3),
        st.lists(inner, min_size=1, max_size=3).map(tuple),
        st.dictionaries(st.sampled_from("abc"), inner, min_size=1),
    ),
    max_leaves=4,
)
state_sizes = st.one_of(sizes, st.lists(structures, min_size=1, max_size=3), st.tuples(structures, structures))


@given(state_sizes, sizes, st.sampled_from([Plain, Started]))
def test_states_of_any_structure(state_size, width, cls):
    cell = cls(state_size, width)
    layer = Recurrent(cell, return_state=True)
    x = X[:, :2]
    layer.build(x.shape)
    initial = Started.get_initial_state(cell, batch_size=B)
    initial = list(initial) if isinstance(initial, list | tuple) else [initial]
    if cls is Plain:
        initial = keras.tree.map_structure(ops.zeros_like, initial)
    outputs, states = layer(x)
    # Given, since Keras has no zeros for a nested structure.
    require_same((outputs, states), keras_loop(cell, return_state=True)(x, initial_state=initial))
    assert keras.tree.map_structure(lambda each: None, states) == keras.tree.map_structure(lambda each: None, initial)
    assert layer.width == width
    require_stateful(cell, x, outputs)


class NoSize(Plain):
    def __init__(self, units, **kwargs):
        super().__init__({"h": units}, units, **kwargs)


class Narrow(Plain):
    """Which adds what does not fit."""

    def __init__(self, units, **kwargs):
        super().__init__(units, units, **kwargs)

    def call(self, inputs, states):
        return inputs + states[0], states


class Returns(Plain):
    """Which returns what a function makes of h."""

    def __init__(self, made, sizes=4, **kwargs):
        super().__init__(sizes, 4, **kwargs)
        self.made = made

    def call(self, inputs, states):
        return self.made(super().call(inputs, states)[0])


PAIR = r"^Returns\.call must return the pair \(output, new states\); received"
NEW = r"^Returns\.call must return new states of the shapes \[\(None, 4\)"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (Returns(lambda h: h), rf"{PAIR} KerasTensor \(\S*test_cells.py, line \d+\)"),
        (Returns(lambda h: (h, h, [h])), f"{PAIR} tuple of 3 "),
        (Returns(lambda h: ([h], [h])), r"call must return an output \(batch, width\) first; received list"),
        (Returns(lambda h: (ops.sum(h), [h])), r"an output \(batch, width\) first; received \(\)"),
        (Returns(lambda h: (h, [h[:, :2]])), rf"{NEW}\]; received \[\(None, 2\)\]"),
        (Returns(lambda h: (h, [h, h])), rf"{NEW}\]; received \[\(None, 4\), \(None, 4\)\]"),
        (Returns(lambda h: (h, [h]), [4, 4]), rf"{NEW}, \(None, 4\)\]; received \[\(None, 4\)\]"),
        (Returns(lambda h: (h, None)), rf"{NEW}\]; received \[None\]"),
        (keras.layers.LSTM(4), "takes a cell, which makes one step, .* received <LSTM"),
        ([], r"Recurrent takes a cell.* received \[\]"),
        ("gru", "Recurrent takes a cell, which makes one step, such as keras_charrnn.cells.GRU.128.; received 'gru'"),
        ([keras.layers.GRUCell(2), None], "Recurrent takes a cell, which makes one step, such as .* received None"),
        (keras.layers.Dense(2), "Recurrent takes a cell, which makes one step, such as .* received <Dense"),
        (NoSize(4), r"NoSize.state_size must be a whole number, or a list .* received \{'h': 4\}"),
        (
            Narrow(4),
            r"^Narrow.call failed: ValueError: Dimensions .* are 3 and 4 .*test_cells.py, line",
        ),
    ],
)
def test_what_is_no_cell_is_told_in_one_message(cell, message):
    with pytest.raises(CellError, match=message):
        Recurrent(cell).build((B, T, D))


@pytest.mark.filterwarnings("ignore:`build..` was called on layer")
@pytest.mark.parametrize(
    ("cls", "run_eagerly"),  # compiled, most of the time is TensorFlow's tracing of the loop
    [
        (Tower, True),
        pytest.param(Tower, False, marks=pytest.mark.thorough),
        pytest.param(Late, False, marks=pytest.mark.thorough),
        pytest.param(Memory, False, marks=pytest.mark.thorough),
    ],
)
def test_a_model_of_the_cell_trains_reads_steps_and_is_saved(cls, run_eagerly, make_model, tmp_path):
    register_cell("field")(cls)
    model = make_model(cell="field", units=4, layers=2, residual=True, normalization="layer", feed_forward=3)
    ids = model.vocabulary.encode(TEXT).astype("int32")
    model.compile("adam", run_eagerly=run_eagerly)
    model.fit(keras_charrnn.windows.training_windows(ids[:13], 4, 3), verbose=0)
    for layer in model.recurrent:  # each row is where its part of the text has brought it
        assert all(each.shape[0] == 4 and np.any(each.value) for each in layer.states)
    given, states = tf.constant(ids[None, :3]), model.initial_states(1)
    wanted, after = model.run(given, states)
    logits = []
    for t in range(3):
        each, states = model.step(given[:, t], states)
        logits.append(each)
    require_same((tf.stack(logits, 1), states), (wanted, after))
    model.save(tmp_path / "model.keras")
    require_same(keras_charrnn.load(tmp_path / "model.keras").run(given, model.initial_states(1)), (wanted, after))
    assert {width for (_, state), width in trace(model, "the").widths.items() if state == "s0"} == {4}
    assert f"(B, T, {model.recurrent[0].width})" in model._repr_html_()


def test_an_embedding_as_wide_as_the_units_is_not_as_wide_as_such_outputs(make_model):
    register_cell("field")(Bare)
    with pytest.raises(SettingsError, match=r"tie_embedding must be false with the cell field, .* 6 wide and not 4"):
        make_model(cell="field", units=4, embedding=4, tie_embedding=True)


@pytest.mark.parametrize("cls", [pytest.param(Bare, marks=pytest.mark.thorough), Memory])
def test_the_check_of_a_cell_takes_it(cls):
    results = examine(cls, skip=["configuration", "saving", "1,000 steps", "gradients"])
    assert {each.status for each in results} == {"ok", "not run"}, results


class Short(Plain):
    """With one initial state where `state_size` has a group of two."""

    def __init__(self, units, **kwargs):
        super().__init__([units, [units, units]], units, **kwargs)

    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.width)), [ops.zeros((batch_size, 2 * self.width))]]


def test_the_check_tells_a_group_of_states_that_is_not_what_was_said():
    (shapes, *_) = examine(Short)
    assert "expected 3 initial states, as state_size says; received 2" in shapes.message
