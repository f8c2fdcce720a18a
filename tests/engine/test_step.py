"""Steps of cells that are alike are compiled once, those of any others each."""

import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import GatedCell, cells
from keras_charrnn.engine.step import Step
from keras_charrnn.layers import Recurrent

H, B = 4, 2


class Own(cells.GRU):
    """A user's cell that is no other than its parent."""


class Stretched(GatedCell):
    """What `combine` does is not all in the configuration."""

    gates = ("a",)
    factor = 1.0

    def combine(self, zx, zr, states):
        return {"h": tf.tanh(self.factor * (zx + zr))}


def squash(x):
    return tf.tanh(x)


def make_step(cell, width=3):
    cell.build((B, width))
    return Step(cell, True, "float32")


def forward(step, rng):
    zx = tf.constant(rng.normal(size=(B, len(step.cell.gates) * H)).astype("float32"))
    states = tuple(tf.constant(rng.normal(size=(B, H)).astype("float32")) for _ in step.cell.states)
    new, _, _ = step.forward(zx, zx, states, {}, step.weights())
    own = step.cell.step(zx + step.cell.bias, zx, list(states), training=True)[1]
    return new, own


def test_layers_with_the_same_cell_are_traced_once_each_with_its_own_weights(rng):
    steps, traced = [make_step(cells.PeepholeLSTM(H), width) for width in (3, 4)], set()
    for step in steps:
        for weight in step.cell.own_weights:
            weight.assign(rng.normal(size=weight.shape))
        for new, own in zip(*forward(step, rng), strict=True):
            np.testing.assert_allclose(new, own, atol=1e-6)
        traced.add(step._first._forward.experimental_get_tracing_count())
    assert steps[0]._first is steps[1]._first and len(traced) == 1


@pytest.mark.parametrize(
    "other",
    [
        lambda: cells.GRU(H, activation="relu"),
        lambda: cells.GRU(H + 1),
        lambda: cells.GRU(H, dtype="float64"),
        lambda: cells.Zoneout(cells.GRU(H), 0.1),
        lambda: cells.GRU(H, activation=squash),
        lambda: Own(H),
    ],
)
def test_another_cell_has_a_step_of_its_own(other):
    one, another = make_step(cells.GRU(H)), make_step(other())
    assert one._first is not another._first


@pytest.mark.parametrize("make", [Stretched, lambda H: cells.Zoneout(Stretched(H), 0.1)])
def test_a_users_combine_may_read_what_no_configuration_says(make):
    layers = [Recurrent(make(H)) for _ in range(2)]
    layers[1].cell.unwrap().factor = 5.0
    x = tf.fill((B, 3, H), 0.1)
    for layer in layers:
        layer.build(x.shape)
        layer.set_weights(layers[0].get_weights())
    one, five = (layer(x) for layer in layers)
    assert not np.allclose(one, five, atol=1e-3)


def test_two_rates_are_two_cells():
    steps = [make_step(cells.Zoneout(cells.GRU(H), rate)) for rate in (0.1, 0.1, 0.2)]
    assert steps[0]._first is steps[1]._first is not steps[2]._first
