"""Contender: keras_charrnn in training. CELL UNITS LAYERS BATCH LENGTH STEPS PRECISION [STEPS_PER_EXECUTION] [--share]

With --share the machine's own rate is measured too; --optimizer is one of a recipe's, in place of adam; with --loop a
GPU takes our loop where it has cuDNN's kernels.
"""

import argparse
import time

import contender
import keras
import numpy as np
import tensorflow as tf
from data import ids_and_vocabulary
from keras import ops
from train_clock import STEPS_PER_EXECUTION, Clock

import keras_charrnn
from keras_charrnn import CharRNN
from keras_charrnn.engine import compute, cudnn
from keras_charrnn.recipe.training import Training
from keras_charrnn.text import windows
from keras_charrnn.training import callbacks
from keras_charrnn.training.optimization import make_optimizer

PRODUCTS = 2  # that each core makes between two looks at the clock


@keras_charrnn.register_cell("users_lstm")
class UsersLSTM(keras_charrnn.GatedCell):
    """A long short-term memory as a user would write it."""

    gates = ("input", "forget", "candidate", "output")
    states = ("h", "c")

    def combine(self, zx, zr, states):
        i, f, g, o = ops.split(zx + zr, 4, axis=-1)
        c = ops.sigmoid(f) * states["c"] + ops.sigmoid(i) * ops.tanh(g)
        return {"h": ops.sigmoid(o) * ops.tanh(c), "c": c}


def product_rate(precision, replicas):
    """Return the machine's own rate, in operations a second: products of 2048 x 2048 matrices on all its cores."""
    size = 2048
    matrices = [tf.unstack(tf.cast(tf.random.normal((2, size, size)), precision)) for _ in range(replicas)]

    @tf.function(autograph=False)
    def products():
        results = []
        for a, b in matrices:
            for _ in range(PRODUCTS):
                a = tf.matmul(a, b)
            results.append(a[0, 0])
        return results

    seconds = []
    for _ in range(6):
        started = time.perf_counter()
        [each.numpy() for each in products()]
        seconds.append(time.perf_counter() - started)
    return PRODUCTS * replicas * 2 * size**3 / float(np.median(seconds[1:]))


def main(cell, units, layers, batch, length, steps, precision, at_once, share, optimizer, loop):
    if loop:
        cudnn.has_gpu = lambda: False
    started = time.perf_counter()
    machine = compute.prepare(precision, "auto", batch)
    ids, vocabulary = ids_and_vocabulary()
    data = windows.training_windows(ids, batch, length)
    keras.utils.set_random_seed(0)
    model = CharRNN(vocabulary, cell, units, layers)
    model.precision, model.replicas = machine.precision, machine.replicas
    settings = Training(optimizer={"name": optimizer, "learning_rate": 2e-3})
    model.compile(make_optimizer(settings, data.steps, model), steps_per_execution=at_once)
    clock = Clock()
    used = [callbacks.StateReset(), callbacks.GradientClipping(norm=5.0), clock]
    steps = max(at_once, min(steps, data.steps // 2) // at_once * at_once)  # of two epochs, from one pass over the data
    began = time.perf_counter()
    history = model.fit(data, epochs=2, steps_per_epoch=steps, verbose=0, callbacks=used).history
    seconds = float(np.median(np.diff(clock.ticks)[steps // at_once :])) / at_once
    cell = model.recurrent[0].cell
    width, products = 64, 0
    for _ in range(layers):
        products += len(cell.gates) * units * (width + units * cell.recurrent_product)
        width = units
    operations = 3 * 2 * (products + units * len(vocabulary))  # a character, forward and twice as much backward
    rate, peak = batch * length / seconds, contender.megabytes()
    contender.report(
        characters_per_second=rate,
        share=rate * operations / product_rate(machine.precision, machine.replicas) if share else None,
        first_step=clock.ticks[0] - began,
        prepared=began - started,
        peak_megabytes=peak,
        grown_megabytes=clock.megabytes[1] - clock.megabytes[0],
        loss=history["loss"][-1],
        precision=machine.precision,
        replicas=machine.replicas,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cell")
    for name in ("units", "layers", "batch", "length", "steps"):
        parser.add_argument(name, type=int)
    parser.add_argument("precision")
    parser.add_argument("at_once", nargs="?", type=int, default=STEPS_PER_EXECUTION, metavar="steps_per_execution")
    parser.add_argument("--share", action="store_true")
    parser.add_argument("--loop", action="store_true")
    parser.add_argument("--optimizer", default="adam")
    main(**vars(parser.parse_args()))
