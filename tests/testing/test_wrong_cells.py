"""Wrong cells, each of which lacks one property and has all the others that can then be judged."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_charrnn import GatedCell, RecurrentCell
from keras_charrnn.errors import CheckError
from keras_charrnn.testing import PROPERTIES, Subject, check_cell, examine, round_trips

WRONG = []


def wrong(lacks, message, **arguments):
    """Class decorator: a cell that lacks one property, told with a message."""

    def add(cls):
        keras.saving.register_keras_serializable(package="wrong")(cls)
        WRONG.append(pytest.param(functools.partial(cls, **arguments), lacks, message, id=cls.__name__))
        return cls

    return add


class Plain(GatedCell):
    gates = ("update", "candidate")

    def combine(self, zx, zr, states):
        z, g = ops.split(zx + zr, 2, axis=-1)
        z = ops.sigmoid(z)
        return {"h": z * states["h"] + (1 - z) * ops.tanh(g)}


class Two(GatedCell):
    gates = ("forget", "candidate")
    states = ("h", "c")

    def combine(self, zx, zr, states):
        f, g = ops.split(zx + zr, 2, axis=-1)
        c = ops.sigmoid(f) * states["c"] + ops.tanh(g)
        return {"h": ops.tanh(c), "c": c}


class Linear(RecurrentCell):
    """h' = a h + (1 - a) x W, which has a parallel form."""

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.decay = self.add_weight(shape=(self.units,), initializer="zeros", name="decay")
        self.built = True

    def call(self, inputs, states, training=False):
        a = ops.sigmoid(self.decay)
        h = a * states[0] + (1 - a) * ops.matmul(inputs, self.kernel)
        return h, [h]

    def parallel(self, inputs, states):
        a = ops.sigmoid(self.decay)
        b = (1 - a) * ops.matmul(inputs, self.kernel)
        h = tf.scan(lambda h, b: a * h + b, tf.transpose(b, (1, 0, 2)), states[0])
        return tf.transpose(h, (1, 0, 2)), [h[-1]]


@wrong(
    "shapes",
    r"must return 'h' in the shape \(3, 4\) \(batch, units\); received \(3, 8\) \(.*test_wrong_cells\.py, line",
)
class WrongWidth(Plain):
    def combine(self, zx, zr, states):
        return {"h": zx + zr}


@wrong("shapes", r"DropsAState\.call must return new states of the shapes .*; received \[\(None, 4\)\] \(")
class DropsAState(RecurrentCell):
    def __init__(self, units, **kwargs):
        super().__init__(units, **kwargs)
        self.state_size = [units, units]

    def call(self, inputs, states, training=False):
        return states[0], [states[0]]


@wrong("shapes", r"expected the output float32 \(3, 4\); received float32 \(3, 2\)")
class NarrowOutput(RecurrentCell):
    def call(self, inputs, states, training=False):
        return inputs[:, :2], [states[0]]


@wrong("shapes", "expected 1 initial states, as state_size says; received 2")
class TooManyInitialStates(Plain):
    def get_initial_state(self, batch_size=None):
        return [ops.zeros((batch_size, self.units))] * 2


@wrong("only states kept", r"HiddenBuffer.combine \(.*py, line \d+\) updates the variable \S*/memory, .* in a state,")
class HiddenBuffer(Plain):
    def build(self, input_shape):
        super().build(input_shape)
        self.memory = self.add_weight(shape=(self.units,), initializer="zeros", trainable=False, name="memory")

    def combine(self, zx, zr, states):
        new = super().combine(zx, zr, states)
        self.memory.assign(0.9 * self.memory + 0.1 * ops.mean(new["h"], axis=0))
        return {"h": new["h"] + self.memory}


@wrong("only states kept", r"TrainedDropout.combine \(.*\) updates the variable \S*seed_generator.* argument `seed`")
class TrainedDropout(Plain):
    def build(self, input_shape):
        super().build(input_shape)
        self.dropout = keras.layers.Dropout(0.5)

    def combine(self, zx, zr, states):
        return super().combine(self.dropout(zx), zr, states)


@wrong("repeatable", "a difference of .* in the outputs.*remembers something outside of its states")
class HiddenAttribute(Plain):
    calls = 0

    def combine(self, zx, zr, states):
        HiddenAttribute.calls += 1
        return super().combine(zx + 0.1 * (HiddenAttribute.calls % 5), zr, states)


@wrong("repeatable", "or noise in inference")
class NumpyNoise(Plain):
    def combine(self, zx, zr, states):
        return super().combine(zx + np.random.normal(size=zx.shape).astype("float32"), zr, states)


@wrong("eager equals compiled", "expected the compiled loop to give what eager steps give; received .*keras.ops.where")
class PythonIf(Plain):
    def combine(self, zx, zr, states):
        if ops.max(zx) > 2.0:
            zx = zx / 2
        return super().combine(zx, zr, states)


@wrong("eager equals compiled", "a difference of .* in the outputs")
class LooksAtTheMode(Plain):
    def combine(self, zx, zr, states):
        return super().combine(zx if tf.executing_eagerly() else 2 * zx, zr, states)


@wrong("states carried", "another state 1 before the first step to change the outputs; received the same outputs")
class ForgetsAState(Two):
    def combine(self, zx, zr, states):
        o, g = ops.split(zx + zr, 2, axis=-1)
        c = ops.tanh(g)
        return {"h": ops.sigmoid(o) * c, "c": c}


@wrong("states carried", "state 1 to change over 7 steps; received what it was before")
class ReturnsTheOldState(Two):
    def combine(self, zx, zr, states):
        o, g = ops.split(zx + zr, 2, axis=-1)
        c = ops.tanh(g) + states["c"]
        return {"h": ops.sigmoid(o) * c, "c": states["c"]}


@wrong("rows independent", "row 0 to stay as it is when the other rows change; .*axis 0, the batch")
class LeaksAcrossTheBatch(Plain):
    def combine(self, zx, zr, states):
        return super().combine(zx - ops.mean(zx, axis=0), zr, states)


@wrong("no look-ahead", "first 3 outputs to stay as they are when later inputs change in its parallel form")
class LooksAhead(Linear):
    def parallel(self, inputs, states):
        return super().parallel(inputs - ops.mean(inputs, axis=1, keepdims=True), states)


@wrong("pieces equal the whole", "3 and 4 steps, .* in its parallel form; .*the states given are not used")
class ForgetsWhereItBegan(Linear):
    def parallel(self, inputs, states):
        return super().parallel(inputs, [ops.zeros_like(states[0])])


@wrong("every weight used", "received none for .*gain; likely cause: it is made and not used")
class UnusedWeight(Plain):
    def build(self, input_shape):
        super().build(input_shape)
        self.gain = self.add_weight(shape=(self.units,), initializer="ones", name="gain")


@wrong("every weight used", "received none for the gate 'output'")
class UnusedGate(Plain):
    gates = ("update", "candidate", "output")

    def combine(self, zx, zr, states):
        return super().combine(zx[:, : 2 * self.units], zr[:, : 2 * self.units], states)


@wrong("gradients", "the gradient of the inputs to be that of finite differences, .* a wrong custom gradient")
class WrongGradient(Plain):
    @staticmethod
    @tf.custom_gradient
    def squash(x):
        y = tf.tanh(x)
        return y, lambda dy: dy * (1 - 0.9 * y * y)

    def combine(self, zx, zr, states):
        return {"h": super().combine(zx, zr, states)["h"] + self.squash(zx[:, : self.units] + zr[:, : self.units])}


@wrong(
    "configuration", "every argument of the constructor; received no 'scale'; .* that get_config leaves out", scale=3.0
)
class DropsAnArgument(Plain):
    def __init__(self, units, scale=2.0, **kwargs):
        super().__init__(units, **kwargs)
        self.scale = scale

    def combine(self, zx, zr, states):
        return super().combine(self.scale * zx, zr, states)


@wrong("configuration", r"from_config\(get_config\(\)\) to make an equal cell; received TypeError")
class FixesAnArgument(Plain):
    def __init__(self, units):
        super().__init__(units, kernel_initializer="he_normal")


@wrong("saving", "received a difference of .* in the outputs.*a weight that is not made by add_weight")
class HidesAWeight(RecurrentCell):
    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")
        self.gain = tf.Variable(np.random.normal(size=self.units).astype("float32"), trainable=False)
        self.built = True

    def call(self, inputs, states, training=False):
        h = ops.tanh(states[0] + self.gain * ops.matmul(inputs, self.kernel))
        return h, [h]


@wrong("saving", "received a difference of .* in the outputs", scale=3.0)
class ChangesAnArgument(Plain):
    def __init__(self, units, scale=2.0, **kwargs):
        super().__init__(units, **kwargs)
        self.scale = scale

    def combine(self, zx, zr, states):
        return super().combine(self.scale * zx, zr, states)

    def get_config(self):
        return {**super().get_config(), "scale": 1.0}


@wrong("stacking", "two layers, .* each with its own weights; received 1 weights in both; .* kept by the class")
class SharesAWeight(Plain):
    shared = None

    def build(self, input_shape):
        super().build(input_shape)
        if SharesAWeight.shared is None or SharesAWeight.shared.shape != (self.units,):
            SharesAWeight.shared = self.add_weight(shape=(self.units,), initializer="ones", name="gain")
        self.gain = SharesAWeight.shared

    def combine(self, zx, zr, states):
        return super().combine(zx * ops.tile(self.gain, 2), zr, states)


@wrong("parallel equals stepped", "the parallel form to give what the steps give; received a difference of")
class OtherEquationsAtOnce(Linear):
    def parallel(self, inputs, states):
        return super().parallel(2 * inputs, states)


@wrong("parallel equals stepped", "the same gradient of the inputs from both forms; received a difference of")
class OtherGradientAtOnce(Linear):
    def parallel(self, inputs, states):
        return super().parallel(0.5 * inputs + tf.stop_gradient(0.5 * inputs), states)


@wrong("large inputs", "finite numbers from inputs of size 1,000; received NaN or infinity in the outputs")
class Overflows(Plain):
    def combine(self, zx, zr, states):
        z, g = ops.split(zx + zr, 2, axis=-1)
        i, f = ops.exp(z), ops.exp(-z)
        return {"h": (f * states["h"] + i * ops.tanh(g)) / (f + i)}


@wrong("1,000 steps", "finite numbers from 1,000 steps; received NaN or infinity")
class Explodes(Plain):
    gates = ("candidate",)

    def combine(self, zx, zr, states):
        return {"h": 1.2 * states["h"] + ops.tanh(zx + zr)}


SLOW = ("saving", "1,000 steps")  # a process, and seconds of compiling, for each cell
NEEDS = {each.name: each.needs for each in PROPERTIES}


def needed(name):
    """Return the properties without which one cannot be judged, itself among them."""
    return {name}.union(*map(needed, NEEDS[name]))


def require_caught(cell, lacks, message, skip):
    told = f"(?s)^{cell.func.__name__} lacks 1 property of a cell\n  - {lacks}: .*{message}"
    with pytest.raises(CheckError, match=told) as caught:
        check_cell(cell, skip=[name for name in skip if name != lacks])
    assert isinstance(caught.value, AssertionError) and len(caught.value.failures) == 1


@pytest.mark.parametrize(("cell", "lacks", "message"), WRONG)
def test_a_wrong_cell_is_caught_by_the_check_meant_for_it(cell, lacks, message):
    require_caught(cell, lacks, message, set(NEEDS) - needed(lacks))


@pytest.mark.thorough
@pytest.mark.parametrize(("cell", "lacks", "message"), WRONG)
def test_a_wrong_cell_is_caught_by_no_other_check(cell, lacks, message):
    require_caught(cell, lacks, message, SLOW)


@pytest.mark.parametrize(("cell", "lacks", "message"), WRONG[:: len(WRONG) // 2])
def test_nor_are_some_of_them(cell, lacks, message):
    """What `test_a_wrong_cell_is_caught_by_no_other_check` shows of all."""
    require_caught(cell, lacks, message, SLOW)


@pytest.mark.thorough
@pytest.mark.parametrize(("cell", "lacks", "message"), [each for each in WRONG if each.values[1] not in SLOW])
def test_a_wrong_cell_is_not_caught_by_the_check_of_many_steps(cell, lacks, message):
    require_caught(cell, lacks, message, ["saving"])


def test_every_property_has_a_wrong_cell():
    assert {each.values[1] for each in WRONG} == {each.name for each in PROPERTIES}


@pytest.mark.thorough  # `test_check.py` has those that are right
def test_what_is_right_and_what_is_wrong_in_other_ways_can_be_saved():
    subjects = [Subject("gru"), Subject("min_gru"), Subject(UnusedWeight), Subject(Overflows)]
    assert round_trips(subjects) == [None] * len(subjects)


@pytest.mark.thorough
def test_whatever_is_wrong_in_other_ways_can_be_saved():
    refused = ("shapes", "only states kept", "configuration", "saving")  # a layer of such a cell is not made
    judged = [each.values[0] for each in WRONG if each.values[1] not in refused]
    subjects = [Subject(cell) for cell in judged if cell.func not in (PythonIf, NumpyNoise, HiddenAttribute)]
    assert len(subjects) > 12 and round_trips(subjects) == [None] * len(subjects)


def test_a_check_that_needs_another_is_not_run_and_says_so():
    results = {each.name: each for each in examine(WrongWidth)}
    assert results["shapes"].status == "failed"
    assert {each.status for name, each in results.items() if name != "shapes"} == {"not run"}
    assert results["gradients"].message == "needs 'shapes'"
    results = {each.name: each for each in examine(LooksAhead, skip=SLOW)}
    assert results["pieces equal the whole"].message == "needs 'no look-ahead'"
    assert results["saving"].message == "skipped"


def test_a_right_cell_with_a_parallel_form_has_every_property():
    results = examine(Linear, skip=["saving"])
    assert [each.name for each in results if each.status != "ok"] == ["saving"], results
