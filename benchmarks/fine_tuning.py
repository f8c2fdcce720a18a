"""How far does one epoch from a model that knows the language come, against ten from nothing?

    python benchmarks/fine_tuning.py
    python benchmarks/fine_tuning.py --model runs/shakespeare-001 --seeds 3

The text is the first 50 kB of Shakespeare's sonnets, of which tiny_shakespeare, on which the model is trained, has
none. Without --model the recipe `shakespeare` is trained first. From nothing the text has what `keras-charrnn new`
proposes for it, at ten epochs; from the model one epoch, at a third of its learning rate. Both read the text in the
same windows. The losses are of the last tenth, the state carried; the seconds are those of the whole command.
"""

import argparse
import pathlib
import statistics
import tempfile

import common
import yaml

from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.text import corpora

FIRST_LINE = "From fairest creatures we desire increase"
SIZE = 50_000


def sonnets():
    """Return the first 50 kB of the sonnets."""
    text = corpora.load("shakespeare_plays").text
    begin = text.index(FIRST_LINE)
    return text[begin : begin + SIZE]


def train(folder, name, recipe, seed, *arguments):
    """Train in a process of its own; return the best loss, that before the first step, and the seconds."""
    sets = ("--set", f"compute.seed={seed}", "--set", "samples.every_epochs=0")
    seconds = common.execute(common.ROOT, folder, "train", recipe, "--name", name, *sets, *arguments)
    run = Run.open(folder / "runs" / f"{name}-001")
    before = RunFolder(run.folder).read_environment().get("start", {}).get("val_loss")
    return {"loss": run.metrics["val_loss"], "before": before, "seconds": seconds}


def main(model, seeds):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "sonnets.txt").write_text(sonnets())
        if model is None:
            common.execute(common.ROOT, folder, "train", "shakespeare", "--set", "samples.every_epochs=0")
            model = folder / "runs" / "shakespeare-001"
        common.execute(common.ROOT, folder, "new", "sonnets.txt")
        proposed = yaml.safe_load((folder / "sonnets.yaml").read_text())
        further = {key: value for key, value in proposed.items() if key != "model"}
        further["training"]["optimizer"]["learning_rate"] /= 3
        (folder / "further.yaml").write_text(
            yaml.safe_dump({**further, "training": {**further["training"], "epochs": 1}})
        )
        rows = {"from nothing, 10 epochs": [], "from the model, 1 epoch": []}
        for seed in range(seeds):
            nothing = train(folder, f"nothing-{seed}", "sonnets.yaml", seed, "--set", "training.epochs=10")
            start = train(folder, f"start-{seed}", "further.yaml", seed, "--from", model)
            for found, result in zip(rows.values(), (nothing, start), strict=True):
                found.append(result)
        shown = []
        for name, found in rows.items():
            before = f"{found[0]['before']:.4f}" if found[0]["before"] is not None else ""
            mean, seconds = statistics.mean(each["loss"] for each in found), common.median(found, "seconds")
            shown.append((name, before, f"{mean:.4f}", f"{seconds:.1f}"))
        title = f"The first {SIZE:,} characters of the sonnets, nats per character, mean of {seeds} seeds"
        common.table(title, ("training", "before", "after", "seconds"), shown)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--model", metavar="RUN", type=lambda path: pathlib.Path(path).absolute(), help="of tiny_shakespeare"
    )
    parser.add_argument("--seeds", type=int, default=3)
    main(**vars(parser.parse_args()))
