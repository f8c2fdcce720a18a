"""Backpropagation through time by hand: one window forward and backward in NumPy, beside the engine's gradient.

    python examples/bptt_by_hand.py --cell lstm

The model is an embedding (or one-hot inputs), a cell, logits, and the mean cross-entropy in nats. For every weight the
table has the largest difference between the gradient worked out below and the one that the package trains with, in
float32 and in float64. The exit status is 1 if one of them is above 1e-4 or 1e-5.

Shapes in letters: B rows, T characters of a window, V symbols, D width of the embedding, H units, G gates.
"""

import argparse
import sys

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import keras_charrnn
from keras_charrnn.engine.loss import mean_cross_entropy

TOLERANCES = {"float32": 1e-4, "float64": 1e-5}
BATCH = 4  # B
TEXT = """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date;
Sometime too hot the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair from fair sometime declines,
By chance or nature's changing course untrimm'd;
"""


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# A step of a cell gets the products zx = x W + b and zr = h U (B, G*H) and the states before. Forward returns the
# states after it, and all that the way back needs. Backward gets the gradients of the states after the step. It returns
# those of zx, of zr, and of the states before, without the part of h that goes through zr.


def simple_rnn_forward(zx, zr, states):
    h = np.tanh(zx + zr)
    return [h], h


def simple_rnn_backward(d_states, h):
    (d_h,) = d_states
    d_z = d_h * (1 - h**2)  # tanh' = 1 - tanh^2
    return d_z, d_z, [np.zeros_like(d_h)]


def gru_forward(zx, zr, states):
    (h,) = states
    (xz, xr, xg), (hz, hr, hg) = np.split(zx, 3, 1), np.split(zr, 3, 1)
    z, r = sigmoid(xz + hz), sigmoid(xr + hr)
    g = np.tanh(xg + r * hg)
    return [z * h + (1 - z) * g], (h, hg, z, r, g)


def gru_backward(d_states, memory):
    (d_h,), (h, hg, z, r, g) = d_states, memory
    d_g = d_h * (1 - z) * (1 - g**2)  # of what is inside the tanh
    d_r = d_g * hg * r * (1 - r)  # sigmoid' = sigmoid (1 - sigmoid)
    d_z = d_h * (h - g) * z * (1 - z)
    # The reset gate is between the candidate and its recurrent product, so that zx and zr differ in their last third.
    return np.hstack([d_z, d_r, d_g]), np.hstack([d_z, d_r, d_g * r]), [d_h * z]


def lstm_forward(zx, zr, states):
    _, c = states
    i, f, g, o = np.split(zx + zr, 4, 1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    new_c = f * c + i * g
    return [o * np.tanh(new_c), new_c], (c, i, f, g, o, np.tanh(new_c))


def lstm_backward(d_states, memory):
    (d_h, d_c), (c, i, f, g, o, tanh_c) = d_states, memory
    d_c = d_c + d_h * o * (1 - tanh_c**2)  # c feeds the next step, and h
    d_i, d_f, d_o = d_c * g * i * (1 - i), d_c * c * f * (1 - f), d_h * tanh_c * o * (1 - o)
    d_z = np.hstack([d_i, d_f, d_c * i * (1 - g**2), d_o])
    return d_z, d_z, [np.zeros_like(d_h), d_c * f]


CELLS = {
    "simple_rnn": (simple_rnn_forward, simple_rnn_backward),
    "gru": (gru_forward, gru_backward),
    "lstm": (lstm_forward, lstm_backward),
}


def by_hand(cell, weights, ids, targets, states):
    """Return the mean loss of a window, in nats, and its gradient.

    Args:
        cell: A name in `CELLS`.
        weights: By name: embedding (V, D; none for one-hot inputs), kernel W (D, G*H), recurrent_kernel U (H, G*H),
            bias (G*H,) or (2, G*H), head_kernel (H, V), head_bias (V,).
        ids, targets: Arrays of integers (T, B).
        states: List of the states before the window, (B, H) each.
    """
    forward, backward = CELLS[cell]
    w, bias = weights, np.atleast_2d(weights["bias"])
    table = w.get("embedding", np.eye(len(w["kernel"]), dtype=bias.dtype))
    memories, loss = [], 0.0

    for ids_t, targets_t in zip(ids, targets, strict=True):
        x, h = table[ids_t], states[0]
        zx, zr = x @ w["kernel"] + bias[0], h @ w["recurrent_kernel"]
        if len(bias) == 2:
            zr = zr + bias[1]
        states, memory = forward(zx, zr, states)
        logits = states[0] @ w["head_kernel"] + w["head_bias"]
        logits = logits - logits.max(1, keepdims=True)  # the same probabilities, and exp cannot overflow
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        wanted = np.eye(logits.shape[1], dtype=logits.dtype)[targets_t]
        loss -= (log_p * wanted).sum() / ids.size
        memories.append((x, h, memory, states[0], (np.exp(log_p) - wanted) / ids.size))

    gradient = {name: np.zeros_like(weight) for name, weight in w.items()}
    d_bias = np.zeros_like(bias)
    d_states = [np.zeros_like(state) for state in states]  # nothing after the window counts
    for ids_t, (x, h, memory, output, d_logits) in zip(reversed(ids), reversed(memories), strict=True):
        gradient["head_kernel"] += output.T @ d_logits
        gradient["head_bias"] += d_logits.sum(0)
        d_states[0] = d_states[0] + d_logits @ w["head_kernel"].T  # from this step's loss, and from all later ones
        d_zx, d_zr, d_states = backward(d_states, memory)
        d_states[0] = d_states[0] + d_zr @ w["recurrent_kernel"].T
        gradient["kernel"] += x.T @ d_zx
        gradient["recurrent_kernel"] += h.T @ d_zr
        d_bias += np.stack([d_zx.sum(0), d_zr.sum(0)])[: len(bias)]
        if "embedding" in w:
            np.add.at(gradient["embedding"], ids_t, d_zx @ w["kernel"].T)  # a symbol may come up twice: add, not set
    gradient["bias"] = d_bias.reshape(w["bias"].shape)
    return loss, gradient


def by_the_engine(model, ids, targets, states):
    """Return the same as the training step of `CharRNN` makes it, the gradients in the order of the weights."""
    with tf.GradientTape() as tape:
        hidden, _ = model.run_recurrent(tf.constant(ids), [list(map(tf.constant, states))], training=True)
        head = model.head.kernel, model.head.bias
        loss, _ = mean_cross_entropy(hidden, *head, tf.constant(targets.reshape(-1)), model.precision)
    gradients = tape.gradient(loss, [weight.value for weight in model.trainable_weights])
    return float(loss), [tf.convert_to_tensor(gradient).numpy() for gradient in gradients]


def compare(cell, units, embedding, length, precision):
    """Return both losses, and {name of a weight: (shape, its gradient's largest entry, largest difference)}."""
    keras.config.set_dtype_policy(precision)
    vocabulary = keras_charrnn.Vocabulary(TEXT)
    model = keras_charrnn.CharRNN(vocabulary, cell, units=units, embedding=embedding)
    model.precision = precision
    names = [] if embedding == "one_hot" else ["embedding"]
    names += ["kernel", "recurrent_kernel", "bias", "head_kernel", "head_bias"]

    rng = np.random.default_rng(0)
    # The same in both precisions; biases and states that are not zero, so that no term of the gradient is.
    model.set_weights([rng.normal(0, len(weight) ** -0.5, weight.shape) for weight in model.get_weights()])
    weights = dict(zip(names, map(np.array, model.get_weights()), strict=True))
    states = [rng.normal(0, 0.5, (BATCH, units)).astype(precision) for _ in model.recurrent[0].cell.states]
    starts = np.linspace(0, len(TEXT) - length - 1, BATCH).astype(int)
    ids = vocabulary.encode(TEXT).astype("int32")[starts + np.arange(length + 1)[:, None]]

    loss, gradient = by_hand(cell, weights, ids[:-1], ids[1:], states)
    engine_loss, engine_gradient = by_the_engine(model, ids[:-1], ids[1:], states)
    rows = {}
    for name, theirs in zip(names, engine_gradient, strict=True):
        mine = gradient[name]
        rows[name] = mine.shape, float(np.abs(mine).max()), float(np.abs(mine - theirs).max())
    return (float(loss), engine_loss), rows


def main(cell, units, embedding, length):
    results = {precision: compare(cell, units, embedding, length, precision) for precision in TOLERANCES}
    table = rich.table.Table("weight", "shape", "largest entry", *results, title="gradient: by hand - the engine's")
    for name, (shape, largest, _) in results["float64"][1].items():
        differences = [f"{rows[name][2]:.1e}" for _, rows in results.values()]
        table.add_row(name, " x ".join(map(str, shape)), f"{largest:.1e}", *differences)
    console, agree = rich.console.Console(), True
    console.print(table)
    for precision, ((loss, engine_loss), rows) in results.items():
        worst = max(abs(loss - engine_loss), *(difference for *_, difference in rows.values()))
        fits = bool(worst <= TOLERANCES[precision])  # False for NaN too
        agree &= fits
        console.print(
            f"{precision}: {cell}, loss {loss:.6f} nats by hand, {engine_loss:.6f} by the engine; largest difference "
            f"{worst:.1e}, {'within' if fits else 'BEYOND'} {TOLERANCES[precision]:g}",
            highlight=False,
            soft_wrap=True,
        )
    return 0 if agree else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="lstm")
    parser.add_argument("--units", type=int, default=32)
    parser.add_argument("--embedding", type=lambda text: text if text == "one_hot" else int(text), default=16)
    parser.add_argument("--length", type=int, default=100, help="characters in the window, from 1 to 300")
    options = parser.parse_args()
    if not 1 <= options.length <= 300:
        parser.error(f"--length must be from 1 to 300, not {options.length}")
    sys.exit(main(**vars(options)))
