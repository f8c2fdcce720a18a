"""How far does one epoch from a model that knows the language come, against ten from nothing?

    python benchmarks/fine_tuning.py
    python benchmarks/fine_tuning.py --model shakespeare
    python benchmarks/fine_tuning.py --model runs/shakespeare-001 --text my.txt

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

from keras_charrnn.common import ready
from keras_charrnn.runs import Run, RunFolder
from keras_charrnn.text import corpora

FIRST_LINE = "From fairest creatures we desire increase"
SIZE = 50_000


def read(path, characters):
    """Return the beginning of a file, or of the sonnets."""
    text = corpora.load("shakespeare_plays").text if path is None else corpora.load(path=str(path)).text
    begin = text.index(FIRST_LINE) if path is None else 0
    return text[begin : begin + characters]


def train(folder, name, recipe, *arguments):
    """Train in a process of its own; return the best loss, that before the first step, and the seconds."""
    seconds = common.execute(common.ROOT, folder, "train", recipe, "--name", name, *arguments)
    run = Run.open(folder / "runs" / f"{name}-001")
    before = RunFolder(run.folder).read_environment().get("start", {}).get("val_loss")
    return {"loss": run.metrics["val_loss"], "before": before, "seconds": seconds}


def main(model, base, text, characters, seeds, overrides):
    sets = [part for each in ("samples.every_epochs=0", *overrides) for part in ("--set", each)]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "text.txt").write_text(read(text, characters))
        if model is None:
            train(folder, "base", base, *sets)
            model = folder / "runs" / "base-001"
        common.execute(common.ROOT, folder, "new", "text.txt")
        further = yaml.safe_load((folder / "text.yaml").read_text())
        further["model"], further["start"] = {}, {"from": str(model)}
        further["training"]["optimizer"]["learning_rate"] /= 3
        (folder / "further.yaml").write_text(yaml.safe_dump(further))
        rows = {"from nothing, 10 epochs": ("text.yaml", 10, []), "from the model, 1 epoch": ("further.yaml", 1, [])}
        for seed in range(seeds):
            for recipe, epochs, found in rows.values():
                more = ("--set", f"training.epochs={epochs}", "--set", f"compute.seed={seed}")
                found.append(train(folder, f"{recipe[:-5]}-{seed}", recipe, *sets, *more))
        shown = []
        for name, (_, _, found) in rows.items():
            before = "" if found[0]["before"] is None else f"{found[0]['before']:.4f}"
            mean, seconds = statistics.mean(each["loss"] for each in found), common.median(found, "seconds")
            shown.append((name, before, f"{mean:.4f}", f"{seconds:.1f}"))
    what = "the sonnets" if text is None else pathlib.Path(text).name
    title = f"The first {characters:,} characters of {what}, nats per character, mean of {seeds} seeds"
    common.table(title, ("training", "before", "after", "seconds"), shown)


def place(model):
    """Return a run's or a file's path from wherever it is asked for; a name of the package as it is."""
    return model if ready.find_model(model) else pathlib.Path(model).absolute()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", metavar="RUN", type=place, help="to begin from, or a model of the package")
    parser.add_argument("--base", metavar="RECIPE", default="shakespeare", help="of that model, where none is given")
    parser.add_argument("--text", metavar="FILE", help="in place of the sonnets")
    parser.add_argument("--characters", type=int, default=SIZE, help="of the text, from its beginning")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--set", dest="overrides", action="append", default=[], help="as in model.units=8, for all")
    main(**vars(parser.parse_args()))
