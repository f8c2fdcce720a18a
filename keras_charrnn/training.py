"""fit and resume: from a recipe to a run folder, by way of Keras's own `fit`."""

import dataclasses
import json
import platform

import keras
import numpy as np
import rich.console
import tensorflow as tf

from keras_charrnn import callbacks as ours
from keras_charrnn import compute, corpora, recipe, runs
from keras_charrnn.encoding import encode
from keras_charrnn.errors import CharRNNError, DivergenceError, RunError, SettingsError
from keras_charrnn.evaluation import bits
from keras_charrnn.files import write_text
from keras_charrnn.model import CharRNN
from keras_charrnn.optimization import make_callbacks, make_optimizer
from keras_charrnn.progress import progress
from keras_charrnn.report import write_report
from keras_charrnn.vocabulary import Vocabulary
from keras_charrnn.windows import evaluation_windows, split, training_windows

MANY_SYMBOLS = 1000  # beyond which most are too rare to be learned
STEPS_PER_EXECUTION = 10  # steps between two looks at the callbacks


def fit(source, overrides=None, runs_dir="runs", name=None, callbacks=(), console=None):
    """Train the model of a recipe.

    Args:
        source: Path of a recipe, a mapping, or a `Recipe`.
        overrides: {"model.units": 256, ...}, laid over the recipe.
        runs_dir: Where the run's folder is made: RUNS_DIR/NAME-001, or the next number.
        name: NAME, in place of the recipe's.
        callbacks: Further Keras callbacks. Those of batches are called every 10 steps, with the last step's number.
        console: A `rich.console.Console` for what is shown; None for standard output.

    Returns:
        A `Run`.

    Raises:
        CharRNNError: If the recipe, its text or the machine do not allow the run; nothing has been written then.
        WriteError: If a file of the run cannot be written, while it runs; the checkpoint before is as it was.
        DivergenceError: If the loss diverged; the best model so far is in the run's folder.
        KeyboardInterrupt: After Ctrl-C, and SystemExit after SIGTERM, when the step is done and a checkpoint written:
            `resume` goes on from it.
    """
    asked = {**(overrides or {}), **({} if name is None else {"name": name})}
    plan = recipe.read(source, asked)
    console = console or rich.console.Console()
    machine = compute.prepare(plan.compute.precision, plan.compute.replicas, plan.windows.batch_size)
    data = _Data.of(plan, console)
    model = _make_model(plan, data, machine)
    folder = runs.RunFolder.create(runs_dir, plan.name)
    with folder.lock():
        write_text(folder.recipe, plan.to_yaml())
        write_text(folder.environment, json.dumps(_environment(machine, data, model), indent=2) + "\n")
        _announce(console, plan, machine, data, model, folder)
        return _train(plan, data, model, folder, callbacks, console)


def resume(path, callbacks=(), console=None):
    """Go on with a run exactly where it stopped, from its newest checkpoint.

    On a CPU the run then ends with the same weights, metrics and samples as one that was never interrupted. What it was
    trained with, precision and replicas, is kept; on another machine the figures may differ in their last digits.

    Args:
        path: Of the run's folder, or a `Run`.
        callbacks: The further callbacks that `fit` had, made anew: each gets back what it remembered.
        console: As in `fit`.

    Returns:
        A `Run`; that of a run which has finished at once.

    Raises:
        RunError: If there is no such run, its text has changed, no checkpoint can be read, or another process has it.
        CharRNNError, WriteError, DivergenceError, KeyboardInterrupt, SystemExit: As `fit`.
    """
    folder = runs.RunFolder.open(getattr(path, "folder", path))
    console = console or rich.console.Console()
    with folder.lock():
        plan = recipe.read(folder.recipe)
        start = folder.checkpoints.newest()
        if start.facts["finished"]:
            console.print(f"{folder.path} has finished; nothing is left to do", highlight=False, soft_wrap=True)
            return runs.Run(folder.path, folder.read_metrics())
        environment = folder.read_environment()
        machine = _same_machine(environment.get("machine", {}), plan)
        data = _Data.of(plan, console)
        if data.text.sha256 != environment.get("corpus", {}).get("sha256"):
            raise RunError(
                f"{data.text.source} is not the text that {folder.path} was trained on: its checksum is another; "
                "bring the text back, or start a new run"
            )
        model = _make_model(plan, data, machine)
        _announce(console, plan, machine, data, model, folder)
        console.print(
            f"resume   from epoch {start.facts['epoch'] + 1}, step {start.facts['step']} of {data.training.steps}",
            highlight=False,
        )
        return _train(plan, data, model, folder, callbacks, console, start)


def _same_machine(recorded, plan):
    """Return the machine with the precision and the replicas that the run had, where they can be had."""
    asked = [recorded.get(name, getattr(plan.compute, name)) for name in ("precision", "replicas")]
    try:
        return compute.prepare(*asked, plan.windows.batch_size)
    except SettingsError as error:
        machine = compute.prepare(asked[0], "auto", plan.windows.batch_size)
        return dataclasses.replace(machine, notes=(*machine.notes, f"not exactly as before: {error}"))


@dataclasses.dataclass(frozen=True)
class _Data:
    """The text of a run, and what is made of it."""

    text: corpora.Text
    vocabulary: Vocabulary
    counts: np.ndarray  # of each symbol in the text
    split: dict
    training: object
    validation: object

    @classmethod
    def of(cls, plan, console):
        with progress("reading the text", console=console) as advance:
            text = corpora.load(**vars(plan.corpus), progress=advance)
        occurring = text.symbols, text.counts
        vocabulary = Vocabulary.of_counts(*occurring, **vars(plan.vocabulary))
        with progress("encoding the text", text.characters, console=console) as advance:
            ids = encode(text, vocabulary, progress=advance)
        train, validation, test = split(ids, dataclasses.astuple(plan.split))
        settings = plan.windows
        return cls(
            text,
            vocabulary,
            vocabulary.tally(*occurring),
            {"train": len(train), "validation": len(validation), "test": len(test)},
            training_windows(train, settings.batch_size, settings.length, settings.random_offset, plan.compute.seed),
            evaluation_windows(validation),
        )


def _make_model(plan, data, machine):
    keras.utils.set_random_seed(plan.compute.seed)
    settings = {field.name: getattr(plan.model, field.name) for field in dataclasses.fields(plan.model)}
    cell = dict(settings.pop("cell"))
    name = cell.pop("name")
    try:
        model = CharRNN(data.vocabulary, name, cell_arguments=cell, **settings)
    except CharRNNError:
        raise
    except (TypeError, ValueError) as error:
        raise SettingsError(f"model.cell: the cell {name!r} refuses the arguments {cell}: {error}") from error
    model.precision, model.replicas, model.seed = machine.precision, machine.replicas, plan.compute.seed
    model.label_smoothing = plan.training.label_smoothing
    if plan.samples.prefix is not None:  # found out before training whether the samples can be made
        model.vocabulary.encode(plan.samples.prefix, what="samples.prefix")
    _compile(model, plan, data.training.steps)
    return model


def _compile(model, plan, steps, rate_factor=1.0):
    optimizer = make_optimizer(plan.training, steps, model, rate_factor)
    model.compile(optimizer, steps_per_execution=_steps_per_execution(plan, steps))


def _train(plan, data, model, folder, further, console, start=None):
    """Train to the end, from a checkpoint or from the beginning; return the run."""
    divergence = plan.training.divergence
    went_back = 0 if start is None else start.facts["went_back"]
    while True:
        if start is not None:
            _compile(model, plan, data.training.steps, _rate_factor(plan, went_back))
        try:
            history = _fit(plan, data, model, folder, further, console, start, went_back)
            break
        except DivergenceError as error:
            start = folder.checkpoints.newest()
            if went_back == divergence.get("times", 0):
                raise DivergenceError(f"{error}\n{_keep_good_model(model, folder, start)}") from error
            went_back += 1
            console.print(
                f"{error}\ngoing back to epoch {start.facts['epoch'] + 1}, step {start.facts['step']}, with the "
                f"learning rate times {_rate_factor(plan, went_back):g} ({went_back} of {divergence['times']})",
                highlight=False,
                soft_wrap=True,
            )
    run = runs.Run(folder.path, history)
    write_report(folder.path)
    _conclude(console, run)
    return run


def _rate_factor(plan, went_back):
    return plan.training.divergence.get("rate", 1.0) ** went_back


def _fit(plan, data, model, folder, further, console, start, went_back):
    """Run Keras's `fit`; return the metrics of each epoch."""
    settings, steps = plan.training, data.training.steps
    log = ours.MetricsLog(folder.metrics, folder.timing, data.training.characters)
    shown = ours.Progress(console, data.training.characters)
    used = [
        ours.StateReset(plan.states.reset),
        ours.GradientClipping(settings.clip_norm, settings.clip_variable_norm, settings.clip_value),
        ours.Divergence(settings.divergence["factor"]),
        *make_callbacks(settings, steps, _rate_factor(plan, went_back)),
        log,
        shown,
        keras.callbacks.ModelCheckpoint(folder.model, monitor="val_loss", mode="min", save_best_only=True),
        _samples(plan, folder, console),
        *further,
    ]
    checkpointing = ours.Checkpointing(
        folder.checkpoints,
        used,
        steps,
        **dataclasses.asdict(plan.checkpoints),
        start=start,
        rate_factor=1.0 if start is None else _rate_factor(plan, went_back - start.facts["went_back"]),
        facts={"went_back": went_back},
    )
    interruption = ours.Interruption(checkpointing)
    begin = {} if start is None else {"initial_epoch": start.facts["epoch"], "initial_step": start.facts["step"]}
    try:
        with interruption:
            model.fit(
                data.training,
                validation_data=data.validation,
                epochs=settings.epochs,
                verbose=0,
                callbacks=[*used, checkpointing, interruption],
                **begin,
            )
    except (KeyboardInterrupt, SystemExit):
        shown.close()
        if not folder.model.is_file():
            _save(model, folder)
        console.print(
            f"\nInterrupted at step {int(model.windows_done)}; all is kept as it was at step "
            f"{checkpointing.saved}.\nTo go on: keras-charrnn resume {folder.path}\n"
            f"Text from the best model so far: keras-charrnn sample {folder.path}",
            highlight=False,
            soft_wrap=True,
        )
        raise
    finally:
        shown.close()
    return log.history


def _keep_good_model(model, folder, checkpoint):
    """See to it that the folder has a model from before the divergence; return what to do next, in words."""
    if not folder.model.is_file():
        for name, variables in model.training_variables().items():
            if name in ("weights", "optimizer"):
                for variable, value in zip(variables, checkpoint.group(name), strict=True):
                    variable.assign(value)
        _save(model, folder)
    return (
        f"the last good model is in {folder.model}. Take a smaller training.optimizer.learning_rate, a training."
        "clip_norm, or training.divergence: go_back, which tries smaller rates by itself"
    )


def _save(model, folder):
    """Save the model of a run before the end of an epoch; the average of its weights, where there is one."""
    model.optimizer.finalize_variable_values(model.trainable_weights)
    model.save(folder.model)


def _steps_per_execution(plan, steps):
    """Return the largest number up to 10 that leaves a few calls an epoch and divides the samples' period."""
    most, period = min(STEPS_PER_EXECUTION, max(1, steps // 4)), plan.samples.every_steps
    return next(n for n in range(most, 0, -1) if period % n == 0)


def _samples(plan, folder, console):
    settings = plan.samples

    def show(title, text):
        console.print(f"[dim]--- {title} ---[/dim]", highlight=False)
        console.print(text, markup=False, highlight=False, soft_wrap=True)

    return ours.Samples(
        settings.temperatures,
        settings.every_epochs,
        settings.every_steps,
        settings.prefix or "",
        settings.length,
        settings.top_k,
        settings.top_p,
        seed=plan.compute.seed,
        folder=folder.samples,
        show=show,
    )


def _environment(machine, data, model):
    """Return what a reader must know to trust the run's figures."""
    return {
        "corpus": data.text.describe(),
        "vocabulary": {
            "symbols": len(data.vocabulary),
            "counts": dict(zip(data.vocabulary.symbols, data.counts.tolist(), strict=True)),
        },
        "split": data.split,
        "windows": {"steps": data.training.steps, "left_over": data.training.left_over},
        "parameters": model.count_params(),
        "machine": dataclasses.asdict(machine),
        "versions": {
            "python": platform.python_version(),
            "keras_charrnn": _version(),
            "keras": keras.__version__,
            "tensorflow": tf.__version__,
            "numpy": np.__version__,
        },
    }


def _version():
    from keras_charrnn import __version__

    return __version__


def _announce(console, plan, machine, data, model, folder):
    text, split, settings = data.text, data.split, plan.model
    shares = ", ".join(f"{count:,} {name}" for name, count in split.items() if count)
    lines = [
        f"corpus   {text.name}: {text.characters:,} characters ({shares}), {len(data.vocabulary)} symbols",
        f"model    {settings.layers} x {settings.cell['name']} {settings.units}, {model.count_params():,} parameters",
        f"windows  {data.training.steps} of {plan.windows.batch_size} x {plan.windows.length} an epoch, "
        f"{data.training.left_over:,} characters left over",
        f"compute  {machine.describe()}",
        f"run      {folder.path}",
    ]
    lines += [f"note     {note}" for note in (*filter(None, [text.note, _note_of_many(data)]), *machine.notes)]
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _note_of_many(data):
    """Return what to say of a vocabulary that is too large to be learned, or ""."""
    if len(data.vocabulary) <= MANY_SYMBOLS:
        return ""
    rarest = np.argsort(data.counts, kind="stable")[:20]
    return (
        f"{len(data.vocabulary):,} symbols are many for a model of characters; the rarest are "
        f"{' '.join(repr(data.vocabulary.symbols[i])[1:-1] for i in rarest)}. vocabulary: {{min_count: 10, unknown: "
        "replace} would leave out what is rarer than that"
    )


def _conclude(console, run):
    best = run.metrics
    if not best:
        return
    console.print(
        f"\nbest validation loss {best['val_loss']:.4f} nats per character "
        f"({bits(best['val_loss']):.4f} bits), epoch {best['epoch']}\n"
        f"run in {run.folder}, with report.html; more text: keras-charrnn sample {run.folder}",
        highlight=False,
        soft_wrap=True,
    )
