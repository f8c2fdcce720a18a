"""What a recipe asks for: the model, compiled, the samples, and callbacks of others."""

import math

import keras

from keras_charrnn import registry
from keras_charrnn.common.extras import require
from keras_charrnn.common.keras_settings import require_float32
from keras_charrnn.common.screen import show
from keras_charrnn.errors import CharRNNError, SettingsError
from keras_charrnn.model import CharRNN
from keras_charrnn.training import callbacks as ours
from keras_charrnn.training.optimization import make_optimizer
from keras_charrnn.training.requirements import note_of_prefix
from keras_charrnn.training.starting import hold

FRESH = {"line": {"fresh_lines": True}, "document": {"fresh_documents": True}}  # of a model, by `states.reset`
STEPS_PER_EXECUTION = 10  # steps between two calls of the callbacks
ROWS = 100  # some so many rows of metrics within the epochs of a run without looks


def model_of(section, vocabulary, reset="epoch"):
    """Return a new model, as the section `model` of a recipe and its `states.reset` say.

    Raises:
        CharRNNError: If model or cell cannot be as it says.
    """
    settings = dict(vars(section))
    cell = dict(settings.pop("cell"))
    name = cell.pop("name")
    return CharRNN(vocabulary, name, cell_arguments=cell, **FRESH.get(reset, {}), **settings)


def make_model(plan, data, machine, workers=None):
    """Return the model of a recipe for its data, compiled.

    Args:
        plan, data, machine: The `Recipe`, the `Data` and the `Machine`.
        workers: The `Collective` of a group; None for a process by itself.

    Raises:
        CharRNNError: If model, cell, optimizer or samples cannot be as the recipe says.
    """
    require_float32(accepted=("float32",))
    keras.utils.set_random_seed(plan.compute.seed)
    model = model_of(plan.model, data.vocabulary, plan.states.reset)
    model.precision, model.replicas, model.seed = machine.precision, machine.replicas, plan.compute.seed
    model.workers = workers
    model.label_smoothing = plan.training.label_smoothing
    model.taught_share = plan.teacher.weight
    model.ngram_decay = plan.training.ngram_decay
    hold(model, plan.start.freeze, plan.start.freeze_epochs is None)
    note_of_prefix(plan.samples.beginning, model.vocabulary)  # refuses what no sample can begin with
    compile_model(model, plan, data.training.steps)
    return model


def compile_model(model, plan, steps, rate_factor=1.0, first=0):
    """Give a model a new optimizer, for epochs of so many windows, of which the first are passed over in one."""
    optimizer = make_optimizer(plan.training, steps, model, rate_factor)
    # Sums over workers are no part of the loop that Keras makes of several steps.
    at_once = 1 if model.workers is not None else _steps_per_execution(plan, steps, first)
    model.compile(optimizer, steps_per_execution=at_once)


def _steps_per_execution(plan, steps, first):
    """Return the largest number up to 10 that leaves a few calls an epoch and divides the periods of samples and looks.

    It divides `first` too, which is another one's multiple where a period has changed.
    """
    most = min(STEPS_PER_EXECUTION, max(1, steps // 4))
    period = math.gcd(plan.samples.every_steps, plan.validation.every_steps)
    return next(n for n in range(most, 0, -1) if period % n == 0 and (first % n == 0 or first == steps))


def make_looks(plan, data, folder, tell, average):
    """Return the callback that looks at a training within its epochs, and has the best model kept and patience end.

    Args:
        plan, data, folder: The `Recipe`, the `Data` and the `RunFolder`.
        tell, average: As `callbacks.Looks` takes them.
    """
    kept = keras.callbacks.ModelCheckpoint(
        folder.model, monitor="val_loss", mode="min", save_best_only=data.validation is not None
    )
    choosing = [kept]
    if plan.training.patience is not None:
        choosing.append(keras.callbacks.EarlyStopping("val_loss", mode="min", patience=plan.training.patience))
    return ours.Looks(
        tell,
        choosing,
        plan.validation.every_steps,
        plan.validation.every_minutes,
        data.part,
        data.validation,
        max(STEPS_PER_EXECUTION, plan.training.epochs * data.training.steps // ROWS),
        average,
    )


def make_named_callbacks(plan):
    """Return the callbacks that a recipe names by their import paths.

    Raises:
        SettingsError: If one refuses its arguments.
        ExtraError: If TensorBoard is asked for and not installed.
    """
    made = []
    if plan.tensorboard:
        require("tensorboard", "tensorboard: true needs", "tensorboard")
    for index, callback in enumerate(plan.callbacks):
        name, arguments = callback["name"], {key: value for key, value in callback.items() if key != "name"}
        try:
            made.append(registry.load_callback(name, plan.plugins)(**arguments))
        except CharRNNError:
            raise
        except Exception as error:  # whatever somebody else's constructor raises
            raise SettingsError(f"callbacks[{index}]: {name} refuses the arguments {arguments}: {error}") from error
    return made


def make_samples(plan, folder, console):
    """Return the callback that makes samples, for a run's folder and the screen."""
    settings = plan.samples

    def show_sample(title, text):
        show(console, f"--- {title} ---", "dim")
        show(console, text)

    return ours.Samples(
        settings.temperatures,
        settings.every_epochs,
        settings.every_steps,
        settings.beginning,
        settings.length,
        seed=plan.compute.seed,
        folder=folder.samples,
        show=show_sample,
        **settings.drawing,
    )
