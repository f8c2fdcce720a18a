"""How long does training take to a validation loss, against what a user would pick instead?

    python benchmarks/time_to_loss.py [--torch PYTHON] [--recipe RECIPE] [--plot FILE.png]

A recipe here; the same setting with PyTorch's own layers, at the faster of float32 and bfloat16 autocast; and a small
transformer at the setting that nanoGPT's README gives for a CPU. One run of each on the same text, one after another,
each in a process of its own. Seconds are those of training from its first step, compiling and checkpoints among them.
The loss, in nats per character, is that of the first 120,000 characters of the validation split, which are all that
tiny_shakespeare has. It is measured every so many steps, with the clock standing still; the seconds of a threshold are
those of the first measurement that is not above it. The recurrent models carry their state; the transformer has 32 to
63 characters before each one that it predicts, which is better for it than windows without overlap: the loss in these,
and in random ones as nanoGPT draws them, stands below the table. What is missing needs PyTorch, or layers that it has.
"""

import argparse
import dataclasses
import json
import pathlib
import sys
import tempfile

import common
import numpy as np

from keras_charrnn import recipe
from keras_charrnn.cli.quiet import quiet_tensorflow
from keras_charrnn.text import corpora, vocabularies
from keras_charrnn.text.encoding import encode

with quiet_tensorflow():
    from keras_charrnn.text.windows import split
    from keras_charrnn.views.report.plots import DPI, STYLE, load_matplotlib

THRESHOLDS = (2.0, 1.886, 1.7, 1.6, 1.55, 1.5)
PART = 120_000  # characters
RECIPE = pathlib.Path(__file__).parents[1] / "recipes" / "shakespeare.yaml"
EVERY = {"ours": 20, "torch": 20, "nanogpt": 50}  # steps, of the default settings some 50,000 to 80,000 characters


def write_data(plan, path):
    """Write the ids of a recipe's training and validation splits, and the number of symbols, for all contenders."""
    text = corpora.load(**plan.reading)
    vocabulary = vocabularies.make(text, **vars(plan.vocabulary))
    train, validation, _ = split(encode(text, vocabulary), dataclasses.astuple(plan.split))
    np.savez(path, train=train[:], validation=validation[:PART], symbols=len(vocabulary))
    return text.name


def torch_settings(plan):
    """Return the recipe's setting for PyTorch's layers, or None where it asks for what the contender does not have."""
    model, training, windows = plan.model, plan.training, plan.windows
    asked = model.cell["name"], training.optimizer["name"], training.schedule["name"]
    offered = ("gru", "lstm", "simple_rnn"), ("adamw",), ("constant", "cosine")
    if any(name not in names for name, names in zip(asked, offered, strict=True)):
        return None
    if model.embedding == "one_hot" or model.ngrams > 1:
        return None
    return {
        "cell": model.cell["name"],
        "units": model.units,
        "layers": model.layers,
        "embedding": model.embedding,
        "dropout": model.dropout,
        "batch": windows.batch_size,
        "length": windows.length,
        "epochs": training.epochs,
        "learning_rate": training.optimizer["learning_rate"],
        "weight_decay": training.optimizer.get("weight_decay", 0.004),
        "clip_norm": training.clip_norm,
        "cosine": training.schedule["name"] == "cosine",
    }


def run_torch(settings, data, python, steps, every):
    """Return what PyTorch's layers came to, in the precision that is faster here; None without PyTorch."""
    sizes = [settings[name] for name in ("cell", "units", "layers", "batch", "length")]
    rates = {}
    for precision in ("float32", "bfloat16"):
        found = common.run("train_torch.py", *sizes, 10, precision, python=python)
        if found is None:
            return None
        rates[precision] = found["characters_per_second"]
    settings = {**settings, "precision": max(rates, key=rates.get)}
    return common.run("train_loss_torch.py", data, json.dumps(settings), steps, every, python=python)


def row(name, result):
    """Return the row of a contender."""
    if result is None:
        return [name, *["missing"] * (len(THRESHOLDS) + 2)]
    times = [next((seconds for seconds, loss in result["curve"] if loss <= each), None) for each in THRESHOLDS]
    cells = ["-" if each is None else f"{each:.1f}" for each in times]
    loss = f"{result['curve'][-1][1]:.4f}" if result["curve"] else "-"
    return [name, *cells, loss, f"{result['seconds']:.1f}"]


def draw(results, path):
    """Draw the curves."""
    matplotlib = load_matplotlib()
    with matplotlib.rc_context(STYLE):
        figure = matplotlib.figure.Figure(figsize=(7.0, 4.0), layout="constrained")
        axes = figure.add_subplot()
        for name, result in results.items():
            if result is not None:
                axes.plot(*zip(*result["curve"], strict=True), label=name)
        axes.set(xscale="log", xlabel="seconds of training", ylabel="validation loss, nats per character")
        axes.xaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
        axes.legend()
        figure.savefig(path, dpi=DPI, facecolor="white")


def main(plan, python, steps, every, plot):
    if plot:
        load_matplotlib()  # found out before the minutes are spent
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        data, file = folder / "data.npz", folder / "recipe.yaml"
        corpus = write_data(plan, data)
        file.write_text(plan.to_yaml(), encoding="utf-8")
        every = {name: every or each for name, each in EVERY.items()}
        size = f"{plan.model.layers} x {plan.model.cell['name']} {plan.model.units}"
        settings = torch_settings(plan)
        contenders = {
            f"ours, {size}": lambda: common.run(
                "train_loss_ours.py", data, file, folder / "runs", steps, every["ours"]
            ),
            f"PyTorch, {size}": lambda: settings and run_torch(settings, data, python, steps, every["torch"]),
            "nanoGPT's CPU setting": lambda: common.run(
                "train_nanogpt.py", data, steps, every["nanogpt"], python=python
            ),
        }
        results = {}
        for name, contender in contenders.items():
            results[name] = contender()
            print(*row(name, results[name]), file=sys.stderr, flush=True)
    columns = ["contender", *map(str, THRESHOLDS), "last loss", "seconds"]
    common.table(f"Seconds to a validation loss, {corpus}", columns, [row(*each) for each in results.items()])
    last = results["nanoGPT's CPU setting"]
    if last is not None:
        print(
            f"nanoGPT's CPU setting at its end: {last['random_windows']:.4f} nats over 2,400 random windows of 64, "
            f"{last['whole_windows']:.4f} over the whole text in such windows"
        )
    if plot:
        draw(results, plot)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", default=RECIPE)
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="laid over the recipe")
    parser.add_argument("--torch", metavar="PYTHON", default=sys.executable, help="interpreter that has PyTorch")
    parser.add_argument("--steps", type=int, default=0, help="after which each ends; for a first look")
    parser.add_argument("--every", type=int, default=0, help="steps from measurement to measurement")
    parser.add_argument("--plot", metavar="FILE.png", help="the curves; needs keras-charrnn[plots]")
    options = parser.parse_args()
    changed = recipe.read(options.recipe, dict(map(recipe.parse_override, options.set)))
    main(changed, options.torch, options.steps, options.every, options.plot)
