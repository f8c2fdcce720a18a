"""A training from its beginning or a checkpoint to its end, whatever comes between."""

import copy
import dataclasses

import keras

from keras_charrnn.common.screen import say
from keras_charrnn.common.shell import command_line
from keras_charrnn.errors import DivergenceError
from keras_charrnn.runs import Run
from keras_charrnn.runs.measures import learned
from keras_charrnn.training import callbacks as ours
from keras_charrnn.training.callbacks.checkpointing import bring_back, plain_attributes
from keras_charrnn.training.changes import adapted, recorded
from keras_charrnn.training.ending import end
from keras_charrnn.training.optimization import make_callbacks
from keras_charrnn.training.parts import FRESH, compile_model, make_looks, make_samples
from keras_charrnn.training.telling import conclude
from keras_charrnn.training.workers.network import Network
from keras_charrnn.training.workers.together import Together


def train(plan, data, model, folder, further, console, start=None):
    """Train to the end, from a checkpoint or from the beginning; return the run; None in a worker besides the chief."""
    workers = model.workers
    divergence, further = plan.training.divergence, list(further)
    # What callbacks without a memory of their own were like, for a return to where they had not changed yet.
    begun = [(each, plain_attributes(each)) for each in further if not hasattr(each, "memory")]
    went_back = 0 if start is None else start.facts["went_back"]
    while True:
        model.workers = workers
        if start is not None:
            compile_model(model, plan, data.training.steps, _rate_factor(plan, went_back), start.facts["step"])
        try:
            _fit(plan, data, model, folder, further, console, start, went_back)
            break
        except DivergenceError as error:
            start = adapted(folder.checkpoints.newest(), plan)
            if went_back == divergence.get("times", 0):
                raise DivergenceError(f"{error}\n{_keep_good_model(model, folder, start)}") from error
            went_back += 1
            for callback, attributes in begun:
                now = plain_attributes(callback)
                for name, value in attributes.items():
                    if now.get(name) != value:
                        setattr(callback, name, copy.deepcopy(value))
            say(
                console,
                f"{error}\ngoing back to epoch {start.facts['epoch'] + 1}, step {start.facts['step']}, with the "
                f"learning rate times {_rate_factor(plan, went_back):g} ({went_back} of {divergence['times']})",
            )
    if workers is not None and workers.rank:
        return None
    run = Run.open(folder.path, plan.plugins)
    characters = data.split["train"]
    end(folder, plan.samples.beginning, characters, learned(data.text, data.vocabulary, characters), console)
    conclude(console, run)
    return run


def _rate_factor(plan, went_back):
    return plan.training.divergence.get("rate", 1.0) ** went_back


def _fit(plan, data, model, folder, further, console, start, went_back):
    """Run Keras's `fit`."""
    settings, steps = plan.training, data.training.steps
    tensorboard = folder.tensorboard / "steps" if plan.tensorboard else None
    log = ours.MetricsLog(folder.metrics, folder.timing, data.characters, went_back, tensorboard, settings.from_step)
    shown = ours.Progress(console, data.characters)
    steering = make_callbacks(settings, steps, _rate_factor(plan, went_back))
    average = next((each for each in steering if isinstance(each, ours.AverageWeights)), None)
    looks = make_looks(plan, data, folder, [log.add, shown.look], average)
    together = [] if model.workers is None else [Together(model.workers)]
    network = [Network(each.collective, folder, console) for each in together]
    used = [
        *together,
        ours.StateReset("epoch" if plan.states.reset in FRESH else plan.states.reset),
        ours.GradientClipping(settings.clip_norm, settings.clip_variable_norm, settings.clip_value),
        ours.Divergence(settings.divergence["factor"]),
        *([ours.Freezing(plan.start.freeze_epochs)] if plan.start.freeze else []),
        *steering,
        looks,
        log,
        shown,
        *network,
        make_samples(plan, folder, console),
        *([keras.callbacks.TensorBoard(folder.tensorboard, write_graph=False)] if plan.tensorboard else []),
        *further,
    ]
    checkpointing = ours.Checkpointing(
        folder.checkpoints,
        used,
        steps,
        **dataclasses.asdict(plan.checkpoints),
        start=start,
        rate_factor=1.0 if start is None else _rate_factor(plan, went_back - start.facts["went_back"]),
        facts={"went_back": went_back, "recipe": recorded(plan)},
        choosing=looks.choosing,
        # Workers write together, and might differ in the last digit of what is better.
        kept=looks.choosing[0] if settings.divergence.get("times") and model.workers is None else None,
    )
    interruption = ours.Interruption(checkpointing, *(each.agreed for each in together))
    for each in together:
        each.received = interruption.received
        for timed in (looks, checkpointing, *steering):
            if hasattr(timed, "clock"):
                timed.clock = each.clock
    looks.heard_by = [each for each in used if not isinstance(each, keras.callbacks.TensorBoard)] + [interruption]
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
        say(
            console,
            f"\nInterrupted at step {int(model.windows_done)}; all is kept as it was at step "
            f"{checkpointing.saved}.\nTo go on:\n{command_line('resume', folder.path)}\n"
            f"Text from the best model so far:\n{command_line('sample', folder.path)}",
        )
        raise
    finally:
        shown.close()
        checkpointing.close()


def _keep_good_model(model, folder, checkpoint):
    """See to it that the folder has a model from before the divergence; return what to do next, in words."""
    if not folder.model.is_file():
        bring_back(model, checkpoint, ["weights", "optimizer"])
        _save(model, folder)
    return (
        f"the last good model is in {folder.model}. Take a smaller training.optimizer.learning_rate, a training."
        "clip_norm, or training.divergence: go_back, which tries smaller rates by itself"
    )


def _save(model, folder):
    """Save the model of a run before the end of an epoch; the average of its weights, where there is one."""
    if int(model.windows_done):  # before the first, the average is of nothing
        model.optimizer.finalize_variable_values(model.trainable_weights)
    model.save(folder.model)
