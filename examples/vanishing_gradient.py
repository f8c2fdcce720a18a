"""How much of the gradient reaches the characters before: simple_rnn, gru and lstm, before and after training.

    python examples/vanishing_gradient.py
    python examples/vanishing_gradient.py --run runs/shakespeare-001 --run runs/article_lstm-001

The loss of one character is differentiated by the states of the model d characters before it (all of them: of an lstm h
and c, of several layers those of each). What is shown is the norm of that gradient as a share of the norm at d = 0, the
mean over 32 places of the text: a table, and with matplotlib (pip install "keras-charrnn[plots]") a plot in
vanishing_gradient.png.

Before training all of them lose the gradient by a factor at each step: the slope of tanh in the simple network, gates
that are half closed in the others, the last of them the lstm, whose forget gate starts more open. Training makes it
worse for the simple network, and better for the gru, which learns which gates to keep open.
"""

import argparse
import pathlib

import keras
import numpy as np
import rich.console
import rich.table
import tensorflow as tf

import keras_charrnn
from keras_charrnn import callbacks, corpora, windows

PLACES = 32  # of the text, the mean over which is taken
KEPT = 1e-3  # the share below which nothing is left to learn from


def gradient_shares(model, ids, distance):
    """Return the share of the gradient's norm that reaches the states d characters before: (distance + 1,).

    Args:
        model: A `CharRNN`.
        ids: The text.
        distance: The largest d.
    """
    starts = np.linspace(0, len(ids) - distance - 2, PLACES).astype(int)
    window = ids[starts + np.arange(distance + 2)[:, None]].astype("int32")
    with tf.GradientTape() as tape:
        states, after = model.initial_states(PLACES), []
        for inputs in window[:-1]:
            logits, states = model.step(tf.constant(inputs), states)
            after.append(states)
        # The rows are independent: the gradient of the sum has that of each row.
        loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(window[-1], logits))
    gradients = tape.gradient(loss, after, unconnected_gradients="zero")  # the last c feeds nothing
    norms = []
    for states in reversed(gradients):
        rows = np.concatenate([np.asarray(state, np.float64) for state in tf.nest.flatten(states)], axis=1)
        norms.append(np.linalg.norm(rows, axis=1).mean())
    return np.array(norms) / norms[0]


def of_cells(names, corpus, characters, units, epochs, distance):
    """Return {when: {cell: shares}} of new models and of the same after training."""
    text = corpora.load(corpus, max_bytes=characters).text
    vocabulary = keras_charrnn.Vocabulary(text)
    ids = vocabulary.encode(text)
    shares = {"before training": {}, f"after {epochs} epochs": {}}
    before, after = shares.values()
    for name in names:
        keras.utils.set_random_seed(0)
        model = keras_charrnn.CharRNN(vocabulary, name, units=units, embedding=32)
        before[name] = gradient_shares(model, ids, distance)
        model.compile(keras.optimizers.Adam(0.003))
        used = [callbacks.StateReset("epoch"), callbacks.GradientClipping(norm=1.0)]
        data = windows.training_windows(ids, batch_size=32, length=64, random_offset=True)
        history = model.fit(data, epochs=epochs, callbacks=used, verbose=0)
        print(f"{name}: trained to {history.history['loss'][-1]:.3f} nats per character", flush=True)
        after[name] = gradient_shares(model, ids, distance)
    return shares


def of_runs(folders, distance):
    """Return {"trained runs": {folder: shares}}, each on the text of its own recipe."""
    shares = {}
    for folder in folders:
        model = keras_charrnn.load(folder)
        asked = keras_charrnn.read_recipe(pathlib.Path(folder) / "recipe.yaml").corpus
        text = corpora.load(asked.name, asked.path, asked.otherwise, asked.max_bytes).text
        shares[folder] = gradient_shares(model, model.vocabulary.encode(text), distance)
    return {"trained runs": shares}


def show(results, distance):
    """Print a table for each of the results."""
    console = rich.console.Console()
    for when, shares in results.items():
        console.print(f"share of the gradient, {when}", highlight=False)
        table = rich.table.Table("characters before", *shares)
        for d in sorted({1, 2, 5, 10, 20, 50, distance}):
            if d <= distance:
                table.add_row(str(d), *(f"{share[d]:.1e}" for share in shares.values()))
        table.add_section()
        reach = [np.flatnonzero(share < KEPT) for share in shares.values()]
        table.add_row(f"below {KEPT:g} from", *(str(each[0]) if len(each) else "-" for each in reach))
        console.print(table)


def plot(results, path):
    """Write a plot with a panel for each of the results; say so, or how to get it."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        print('No plot, for matplotlib is not installed: pip install "keras-charrnn[plots]"')
        return
    figure = Figure(figsize=(5 * len(results), 4), layout="constrained")
    for axes, (when, shares) in zip(figure.subplots(1, len(results), squeeze=False)[0], results.items(), strict=True):
        for name, share in shares.items():
            axes.semilogy(share, label=name)
        axes.set(title=when, xlabel="characters before", ylabel="share of the gradient's norm", ylim=(1e-10, 3))
        axes.grid(alpha=0.3)
        axes.legend()
    figure.savefig(path, dpi=150)
    print(f"plot in {path}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="simple_rnn,gru,lstm", help="registered cells, with commas between")
    parser.add_argument("--run", action="append", help="a run folder, in place of cells; may be given several times")
    parser.add_argument("--corpus", default="python_stdlib", help="a registered corpus")
    parser.add_argument("--characters", type=int, default=300_000, help="of the corpus")
    parser.add_argument("--units", type=int, default=128)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--distance", type=int, default=100, help="characters to go back")
    parser.add_argument("--output", default="vanishing_gradient.png")
    options = parser.parse_args()
    if options.run:
        results = of_runs(options.run, options.distance)
    else:
        settings = options.corpus, options.characters, options.units, options.epochs, options.distance
        results = of_cells(options.cells.split(","), *settings)
    show(results, options.distance)
    plot(results, options.output)
