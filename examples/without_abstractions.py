"""The model without abstractions: raw variables, one-hot inputs, tanh, Adagrad, and states passed by hand.

    python examples/without_abstractions.py
    python examples/without_abstractions.py --corpus tiny_shakespeare
    python examples/without_abstractions.py --corpus my.txt --prefix "The "

What the package does for `recipes/article_naive.yaml`, written out in TensorFlow 2, without a layer, an optimizer or a
data set of Keras's. At the end it writes text twice: the likeliest character each time, and at a temperature.

Shapes in letters: B rows, T characters of a window, V symbols, H units.
"""

import argparse

import numpy as np
import tensorflow as tf

from keras_charrnn import corpora, registry


def load(corpus, characters):
    """Return the symbols of a text, a str, and the text as their ids."""
    arguments = {"name": corpus} if corpus in registry.corpora else {"path": corpus}
    text = corpora.load(**arguments, max_bytes=characters).text
    symbols = "".join(sorted(set(text)))
    number = {symbol: i for i, symbol in enumerate(symbols)}
    return symbols, np.array([number[symbol] for symbol in text], np.int32)


def make_variables(symbols, units, seed=0):
    """Return W (V, H), U (H, H), b (H,), the weights (H, V) and the bias (V,) of the logits."""
    rng = np.random.default_rng(seed)
    shapes = [(symbols, units), (units, units), (units,), (units, symbols), (symbols,)]
    # So spread that a sum over the inputs of a unit (one of them is 1, of V) or of a logit keeps the size of its terms.
    spread = [0.1, units**-0.5, 0, units**-0.5, 0]
    return [tf.Variable(rng.normal(0, s, shape), dtype=tf.float32) for s, shape in zip(spread, shapes, strict=True)]


def step(variables, ids, state):
    """Make a step: ids (B,) and the state (B, H) -> logits (B, V) and the new state."""
    w, u, b, w_out, b_out = variables
    state = tf.tanh(tf.one_hot(ids, w.shape[0]) @ w + state @ u + b)
    return state @ w_out + b_out, state


def window_loss(variables, inputs, targets, state):
    """Return the mean loss of a window (B, T), in nats, and the state after it."""
    losses = []
    for t in range(inputs.shape[1]):
        logits, state = step(variables, inputs[:, t], state)
        losses.append(tf.nn.sparse_softmax_cross_entropy_with_logits(targets[:, t], logits))
    return tf.reduce_mean(losses), state


def make_training_step(variables, learning_rate):
    """Return a function that makes one step of Adagrad on a window, and returns the loss and the state after it."""
    squares = [tf.Variable(tf.fill(variable.shape, 0.1)) for variable in variables]  # summed from 0.1 on

    @tf.function
    def train(inputs, targets, state):
        with tf.GradientTape() as tape:
            loss, state = window_loss(variables, inputs, targets, state)
        gradients = tape.gradient(loss, variables)
        for variable, square, gradient in zip(variables, squares, gradients, strict=True):
            square.assign_add(gradient**2)
            variable.assign_sub(learning_rate * gradient / tf.sqrt(square + 1e-7))
        return loss, state

    return train


def sample(variables, symbols, prefix, length, temperature, seed=0):
    """Return the prefix and `length` new characters; at temperature 0 the likeliest each time."""
    rng = np.random.default_rng(seed)
    state, text = tf.zeros((1, variables[1].shape[0])), prefix
    for t in range(len(prefix) + length - 1):
        logits, state = step(variables, tf.constant([symbols.index(text[t])]), state)
        if t >= len(prefix) - 1:
            logits = logits.numpy()[0].astype(np.float64)
            if temperature:
                # Gumbel's noise: its argmax is a draw from the softmax, with no exp to overflow.
                logits = logits / temperature + rng.gumbel(size=len(symbols))
            text += symbols[int(np.argmax(logits))]
    return text


def main(corpus, characters, rows, length, units, learning_rate, epochs, prefix, temperature):
    symbols, ids = load(corpus, characters)
    # Batch-major: row b is a piece of the text from beginning to end, and row b of a window goes on where that of the
    # window before stopped. The target of a character is the next one; the last one of the text has none.
    steps = (len(ids) - 1) // (rows * length)
    if steps < 1:
        raise SystemExit(f"{len(ids):,} characters are too few for {rows} rows of {length}; take fewer --rows")
    if not prefix or not set(prefix) <= set(symbols):
        raise SystemExit(f"--prefix {prefix!r} must have at least one character, and only such as the text has")
    inputs = ids[: rows * steps * length].reshape(rows, steps * length)
    targets = ids[1 : rows * steps * length + 1].reshape(rows, steps * length)
    variables = make_variables(len(symbols), units)
    train = make_training_step(variables, learning_rate)
    print(f"{len(ids):,} characters, {len(symbols)} symbols (a guess costs {np.log(len(symbols)):.3f} nats)")
    print(f"{steps} windows of {rows} x {length} an epoch", flush=True)
    for epoch in range(epochs):
        state, losses = tf.zeros((rows, units)), []
        for k in range(steps):
            window = slice(k * length, (k + 1) * length)
            loss, state = train(tf.constant(inputs[:, window]), tf.constant(targets[:, window]), state)
            losses.append(float(loss))
        print(f"epoch {epoch + 1}/{epochs}  train {np.mean(losses):.3f} nats", flush=True)
    for each in (0, temperature):
        print(f"--- temperature {each:g} ---\n{sample(variables, symbols, prefix, 200, each)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default="python_stdlib", help="a registered corpus, or a file")
    parser.add_argument("--characters", type=int, default=500_000, help="of the corpus")
    parser.add_argument("--rows", type=int, default=32, help="in a batch")
    parser.add_argument("--length", type=int, default=50, help="characters in a window of a row")
    parser.add_argument("--units", type=int, default=100)
    parser.add_argument("--learning-rate", type=float, default=0.1, help="of Adagrad; the article's is 1e-4")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--prefix", default="Thou", help="start of the text that is written")
    parser.add_argument("--temperature", type=float, default=0.5)
    main(**vars(parser.parse_args()))
