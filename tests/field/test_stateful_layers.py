"""What a cell's equations keep besides the states is refused, and told how to do it; a new report is a new row."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

import keras_charrnn
from keras_charrnn import GatedCell, LinearCell, Recurrent, RecurrentCell, cells, register_cell
from keras_charrnn.engine.step import Step
from keras_charrnn.errors import CellError, EffectError
from keras_charrnn.testing import examine
from tests.conftest import TEXT

B, T, D, H = 2, 3, 4, 5
X = np.random.default_rng(2).normal(size=(T, B, D)).astype("float32")
SEED = (3, 4)


class Holds(GatedCell):
    """h' = tanh(f(zx + zr)): a subclass has f, and makes in `hold` what it holds."""

    gates = ("candidate",)

    def build(self, input_shape):
        super().build(input_shape)
        self.held = self.hold()
        if isinstance(self.held, keras.layers.Layer):
            self.held.build((None, self.units))

    def hold(self):
        return None

    def combine(self, zx, zr, states, training):
        return {"h": ops.tanh(self.f(zx + zr, training))}


class ADropout(Holds):
    def hold(self):
        return keras.layers.Dropout(0.5)

    def f(self, x, training):
        return self.held(x, training=training)


class ADropoutThatIsToldNothing(ADropout):
    def f(self, x, training):
        return self.held(x)


class Noise(ADropout):
    def hold(self):
        return keras.layers.GaussianNoise(0.5)


class Normalized(ADropout):
    def hold(self):
        return keras.layers.BatchNormalization()


class Powered(ADropout):
    """Which keeps u and v, to divide a kernel by its largest singular value."""

    def hold(self):
        return keras.layers.SpectralNormalization(keras.layers.Dense(H))


class Counts(Holds):
    def hold(self):
        return self.add_weight(shape=(), initializer="zeros", trainable=False, name="count")

    def f(self, x, training):
        self.held.assign_add(1.0)
        return x


class CountsInTensorFlow(Counts):
    def hold(self):
        return tf.Variable(0.0, name="tally")


class Generates(Holds):
    def hold(self):
        return tf.random.Generator.from_seed(1)

    def f(self, x, training):
        return x + self.held.normal(tf.shape(x))


class Draws(Holds):
    def f(self, x, training):
        return x + keras.random.normal(ops.shape(x))


class DrawsInTensorFlow(Holds):
    def f(self, x, training):
        return tf.nn.dropout(x, 0.5) if training else x


class DropsCoefficients(LinearCell):
    gates = ("forget", "candidate")

    def build(self, input_shape):
        super().build(input_shape)
        self.dropout = keras.layers.Dropout(0.5)

    def coefficients(self, zx):
        f, g = ops.split(self.dropout(zx), 2, axis=-1)
        return ops.sigmoid(f), g


class CountsCoefficients(DropsCoefficients):
    def build(self, input_shape):
        super().build(input_shape)
        self.dropout = tf.Variable(0.0, name="tally", trainable=False).assign_add

    def coefficients(self, zx):
        f, g = ops.split(zx + self.dropout(1.0), 2, axis=-1)
        return ops.sigmoid(f), g


def updates(variable):
    return rf"updates the variable \S*{variable}\S*"


EFFECTS = {
    ADropout: updates(r"/a_dropout\S*/seed_generator_state"),
    ADropoutThatIsToldNothing: updates("seed_generator_state"),
    Noise: updates("seed_generator_state"),
    Normalized: updates(r"/batch_normalization\S*/moving_mean"),
    Powered: updates(r"/spectral_normalization\S*/vector_u"),
    Counts: updates(r"/counts\S*/count"),
    CountsInTensorFlow: updates("tally"),
    Generates: updates("StateVar"),
    Draws: updates("seed_generator_state"),
    DrawsInTensorFlow: "draws noise by RandomUniform",
    DropsCoefficients: updates("seed_generator_state"),
    CountsCoefficients: updates("tally"),
}
ADVICE = "Take noise from the argument `seed` or from `draw_noise`, remember in a state, and take no layer with a state"


def message_of(cls):
    method = "coefficients" if issubclass(cls, LinearCell) else "combine"
    name = rf"{cls.__name__}.{method} \(\S*test_stateful_layers\.py, line \d+\)"
    return f"^{name} {EFFECTS[cls]}, and steps keep nothing but their states. {ADVICE}"


def run(cell, training):
    layer = Recurrent(cell)
    layer.build((B, T, D))
    return layer.run(X, layer.initial_state(B), training, tf.constant(SEED))


@pytest.mark.parametrize("cls", EFFECTS)
def test_the_first_training_step_refuses_what_is_kept(cls):
    with pytest.raises(EffectError, match=message_of(cls)):
        run(cls(H), training=True)


def test_whoever_tries_again_is_told_again():
    layer = Recurrent(ADropout(H))
    for _ in range(2):
        with pytest.raises(EffectError, match=message_of(ADropout)[1:]):
            layer(ops.transpose(X, (1, 0, 2)), training=True)


@pytest.mark.parametrize("wrap", [cells.Zoneout, pytest.param(cells.RecurrentDropout, marks=pytest.mark.thorough)])
def test_within_a_wrapper_too(wrap):
    with pytest.raises(EffectError, match=message_of(ADropout)):
        run(wrap(ADropout(H), 0.5), training=True)


FEW = (ADropoutThatIsToldNothing, DropsCoefficients)


@pytest.mark.parametrize(
    "cls", [each if each in FEW else pytest.param(each, marks=pytest.mark.thorough) for each in EFFECTS]
)
def test_the_check_of_a_cell_says_the_same(cls):
    results = {each.name: each for each in examine(cls, units=H, skip=["saving", "configuration", "1,000 steps"])}
    assert results["shapes"].status == "ok" and results["only states kept"].status == "failed"
    with pytest.raises(EffectError, match=message_of(cls)):
        raise EffectError(results["only states kept"].fault.received)
    assert {each.status for name, each in results.items() if name not in ("shapes", "only states kept")} == {"not run"}


def test_a_training_ends_before_a_weight_is_changed(make_model):
    register_cell("field")(ADropoutThatIsToldNothing)
    model = make_model(cell="field", units=4)
    before = model.get_weights()
    model.compile("adam")
    windows = keras_charrnn.windows.training_windows(model.vocabulary.encode(TEXT[:100]).astype("int32"), 2, 4)
    with pytest.raises(EffectError, match=message_of(ADropoutThatIsToldNothing)):
        model.fit(windows, verbose=0)
    np.testing.assert_equal(model.get_weights(), before)


class Late(Holds):
    def hold(self):
        self.inner = keras.layers.Dense(self.units)

    def f(self, x, training):
        return self.inner(x)


class Reads(Holds):
    def hold(self):
        return tf.Variable(1.0, name="gain")

    def f(self, x, training):
        return self.held * x


@pytest.mark.parametrize(
    ("cls", "message"),
    [
        (Late, r"Late.combine \(.*, line \d+\) makes weights; make them in `build`"),
        (Reads, r"Reads.combine \(.*, line \d+\) reads the variable \S*gain\S*, .* `self.add_weight` in `build`"),
    ],
)
def test_weights_that_could_not_be_trained_are_refused(cls, message):
    with pytest.raises(CellError, match=message):
        run(cls(H), training=True)


class Prints(Holds):
    def f(self, x, training):
        tf.debugging.assert_all_finite(x, "x is finite")
        return keras.layers.LayerNormalization(center=False, scale=False)(x)


class Frozen(Holds):
    """With a layer that keeps something and never changes it, and noise that comes from the seed."""

    def hold(self):
        return keras.layers.BatchNormalization(trainable=False)

    def combine(self, zx, zr, states, training, seed):
        x = self.held(zx + zr, training=False)
        return {"h": ops.tanh(x + (tf.random.stateless_normal(tf.shape(x), seed) if training else 0.0))}


@pytest.mark.parametrize("cls", [Prints, Frozen])
@pytest.mark.parametrize("training", [True, False])
def test_what_keeps_nothing_may_stand_in_a_cell(cls, training):
    cell = cls(H)
    cell.build((B, D))
    Step(cell, training, "float32").require_no_effects()


class InKerassLoop(RecurrentCell):
    """A cell in Keras's contract, where a `Dropout` does as in Keras."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), initializer="ones", name="kernel")
        self.recurrent_kernel = self.add_weight(shape=(1, self.units), name="recurrent_kernel")
        self.dropout = keras.layers.Dropout(0.5, seed=1)

    def call(self, inputs, states, training=False):
        h = self.dropout(ops.ones_like(states[0]), training=training)
        return h, [h]


@pytest.mark.parametrize("weight_drop", [0.0, 0.5])
def test_in_kerass_loop_every_step_and_call_drops_others(weight_drop):
    layer = Recurrent(InKerassLoop(32), weight_drop=weight_drop)
    outputs = [layer(ops.transpose(X, (1, 0, 2)), training=True).numpy() for _ in range(2)]
    masks = {each[:, t].tobytes() for each in outputs for t in range(T)}
    assert len(masks) == 2 * T
