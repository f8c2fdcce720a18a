"""What is said of a run: on the screen before and after it, and in its folder."""

import dataclasses
import platform

import keras
import numpy as np
import tensorflow as tf

from keras_charrnn.common.screen import say, say_notes
from keras_charrnn.common.shell import command_line, quote
from keras_charrnn.layers.fused import describe_ways
from keras_charrnn.model.evaluation import bits
from keras_charrnn.recipe.checks import show
from keras_charrnn.runs import RunFolder
from keras_charrnn.runs.records import PART, loss_of, when
from keras_charrnn.training.requirements import note_of_prefix
from keras_charrnn.views.advice import MANY_SYMBOLS, MORE_RARELY, advise

UNCHOSEN = "no best model is chosen, and the last one is kept"


def announce(console, plan, machine, data, model, folder, note, start=None):
    """Show what is about to be trained, on what and where; `start` is what `Beginning.hand_over` returned."""
    text, split, settings = data.text, data.split, plan.model
    shares = ", ".join(f"{count:,} {name}" for name, count in split.items() if count)
    of_ngrams = model.count_params() - model.parameters
    lines = [
        f"corpus   {text.name}: {text.characters:,} characters ({shares}), {_symbols(data.vocabulary)}",
        f"model    {settings.layers} x {settings.cell['name']} {settings.units}, {model.parameters:,} parameters"
        + (f", and {of_ngrams:,} of n-grams" if of_ngrams else ""),
        *_of_start(start),
        *_of_teacher(data.lessons, plan.teacher.weight),
        f"windows  {data.training.steps} of {plan.windows.batch_size} x {plan.windows.length} an epoch, "
        f"{data.training.left_over:,} characters left over",
        f"compute  {machine.describe()}",
        f"run      {quote(folder.path)}",
    ]
    say(console, "\n".join(lines))
    way = describe_ways(model, plan.states.reset in ("line", "document")) if machine.gpus else ""
    say_notes(console, *text.notes, *_notes(plan, data), *machine.notes, way, note)


def _symbols(vocabulary):
    return f"{len(vocabulary):,} symbols" + ("" if vocabulary.is_of_characters else f" (unit: {vocabulary.unit})")


def _of_start(start):
    if start is None:
        return []
    symbols = start["symbols"]
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in symbols.items() if count)
    loss = "" if start["val_loss"] is None else f", validation {start['val_loss']:.4f} nats before the first step"
    return [f"start    from {quote(start['from'])}: symbols {counts}{loss}"]


def _of_teacher(lessons, weight):
    if lessons is None:
        return []
    names = " + ".join(map(quote, lessons.teacher.paths))
    return [f"teacher  {names}: {lessons.nats:.4f} nats on the training split, weight {weight:g}"]


def tell_changes(changed, plan):
    """Yield lines on what has changed in a recipe before a run goes on: see `changes.changes`."""
    for key, (before, now) in changed.items():
        if not key.startswith("training.from_"):
            yield f"changed  {key}: {show(now)}, {show(before)} so far"
    settings = plan.training
    if "training.from_step" in changed:
        name, rate = settings.schedule["name"], settings.optimizer["learning_rate"]
        course = f"a new course, from {rate:g}" if name == "cosine" else "goes on as it was"
        yield f"schedule {name}: {course}; the run had finished, at step {settings.from_step:,}"


def _notes(plan, data):
    """Yield what a user must know of the vocabulary, the samples and the split; "" for nothing."""
    yield _note_of_many(data)
    yield note_of_prefix(plan.samples.beginning, data.vocabulary)
    yield "" if plan.validates else f"split.validation is 0: {UNCHOSEN}"


def _note_of_many(data):
    """Return what to say of a vocabulary that is too large to be learned, or ""."""
    if len(data.vocabulary) <= MANY_SYMBOLS or not data.vocabulary.is_of_characters:
        return ""
    rarest = np.argsort(data.counts, kind="stable")[:20]
    return (
        f"{len(data.vocabulary):,} symbols are many for a model of characters; the rarest are "
        f"{' '.join(repr(data.vocabulary.symbols[i])[1:-1] for i in rarest)}. vocabulary: {MORE_RARELY} "
        "would leave out what is rarer than that"
    )


def conclude(console, run):
    """Show what came out, and what to make of it."""
    kept = run.metrics
    if not kept:
        return
    name = loss_of(kept)
    what, note = ("best validation", "") if name else ("training", f"; {UNCHOSEN}")
    loss, of = kept[name or "loss"], " on the part that looks read" if name == PART else ""
    say(
        console,
        f"\n{what} loss {loss:.4f} nats per character ({bits(loss):.4f} bits){of}, {when(kept)}{note}",
    )
    for each in advise(run):
        say(console, str(each))
    if record := RunFolder(run.folder).read_memorization():
        samples, found = record
        say(console, f"In the samples of {samples}, {found}.")
    say(console, f"run in {quote(run.folder)}, with report.html; more text:\n{command_line('sample', run.folder)}")


def describe(machine, data, model, start=None):
    """Return what a reader must know to trust the run's figures; `start` as of `announce`."""
    return {
        **({} if start is None else {"start": start}),
        **({} if data.lessons is None else {"teacher": data.lessons.describe()}),
        "corpus": data.text.describe(),
        "vocabulary": {
            "unit": data.vocabulary.unit,
            "symbols": len(data.vocabulary),
            "counts": dict(zip(data.vocabulary.symbols, data.counts.tolist(), strict=True)),
        },
        "split": data.split,
        "windows": {"steps": data.training.steps, "left_over": data.training.left_over},
        "parameters": model.parameters,
        "machine": dataclasses.asdict(machine),
        "versions": versions(),
    }


def versions():
    """Return the versions of what figures depend on, a mapping from names."""
    from keras_charrnn import __version__

    return {
        "python": platform.python_version(),
        "keras_charrnn": __version__,
        "keras": keras.__version__,
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
    }
