"""Settings that fight: each pair is told before anything is written, with both names and what to do."""

import pathlib

import keras
import pytest

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.recipe import read
from keras_charrnn.recipe.fights import refuse_fights
from keras_charrnn.studies.comparison import compare
from keras_charrnn.studies.tuning import tune
from keras_charrnn.training.callbacks import AverageWeights, Looks, Samples

RATES = [{"name": "cosine"}, {"name": "exponential"}, {"name": "step"}]
SMALL = {"corpus": {"path": "a.txt"}}


def of_keras(name, **arguments):
    return {"name": f"keras.callbacks.{name}", **arguments}


class Own(keras.callbacks.Callback):
    """Adds a metric of its own."""

    def on_epoch_end(self, epoch, logs=None):
        logs["my_metric"] = 1.0


class Patient(keras.callbacks.EarlyStopping):
    def __init__(self, **arguments):
        super().__init__(patience=3, **arguments)


@pytest.mark.parametrize(
    ("training", "callbacks", "problem"),
    [
        *(
            (
                {"schedule": each},
                [of_keras("ReduceLROnPlateau")],
                "callbacks[0]: ReduceLROnPlateau: sets the learning rate, as "
                f"training.schedule {each['name']} does; leave it out, or write schedule: constant",
            )
            for each in RATES
        ),
        (
            {"schedule": "cosine", "minutes": 1},
            [of_keras("ReduceLROnPlateau")],
            "sets the learning rate, as training.schedule",
        ),
        (
            {"patience": 3},
            [of_keras("EarlyStopping")],
            "callbacks[0]: EarlyStopping: ends the run by the validation loss, as "
            "training.patience does; keep one of the two",
        ),
        (
            {},
            [of_keras("EarlyStopping", monitor="val_accuracy")],
            "callbacks[0]: EarlyStopping: there is no metric "
            "'val_accuracy' to monitor; accepted: loss, val_loss, gradient_norm, clipped",
        ),
        (
            {},
            ["keras.callbacks.TerminateOnNaN", of_keras("ReduceLROnPlateau", monitor="acc")],
            "callbacks[1]: ReduceLROnPlateau",
        ),
        (
            {},
            [of_keras("ModelCheckpoint", filepath="a.keras", monitor="x", save_best_only=True)],
            "there is no metric 'x'",
        ),
        (
            {},
            [of_keras("EarlyStopping", monitor="gradient_norm")],
            "needs a mode, min or max, to know which gradient_norm is",
        ),
        (
            {},
            [of_keras("ModelCheckpoint", filepath="a.h5")],
            "callbacks[0]: ModelCheckpoint: saves a model as .keras alone",
        ),
        (
            {},
            [of_keras("ModelCheckpoint", filepath="{epoch:02d}-{val_acc:.2f}.keras")],
            "callbacks[0]: ModelCheckpoint: there is no 'val_acc' for its filepath; accepted: loss, val_loss, "
            "gradient_norm, clipped, epoch",
        ),
        ({}, [of_keras("EarlyStopping", mode="minimum")], "EarlyStopping: mode must be min or max, not 'minimum'"),
        (
            {},
            [of_keras("EarlyStopping", patiance=3)],
            "callbacks[0].patiance: unknown key, did you mean 'patience'? (accepted: monitor, ",
        ),
        # Keras takes this one without a word.
        ({}, [of_keras("ReduceLROnPlateau", epsilon=0.1)], "callbacks[0].epsilon: unknown key (accepted: monitor, "),
        ({}, [of_keras("EarlyStopping", patience="x")], "callbacks[0].patience: must be a number, not 'x'"),
        ({}, [of_keras("EarlyStopping", patience=None)], "callbacks[0].patience: must be a number, not null"),
        (
            {},
            [of_keras("ModelCheckpoint", filepath="a.keras", save_best_only="True")],
            "callbacks[0].save_best_only: must be true or false, not 'True'; write true, without quotes",
        ),
        ({}, ["keras.callbacks.CSVLogger"], "callbacks[0]: CSVLogger needs the argument filename"),
        (
            {"optimizer": {"name": "adam", "beta1": 0.8}},
            [],
            "training.optimizer.beta1: unknown key, did you mean 'beta_1'? (accepted: learning_rate, beta_1, ",
        ),
        ({"optimizer": {"lr": 0.1}}, [], "training.optimizer.lr: unknown key (accepted: learning_rate, "),
        ({"optimizer": {"epsilon": "abc"}}, [], "training.optimizer.epsilon: must be a number, not 'abc'"),
        (
            {"optimizer": {"weight_decay": "0,01"}},
            [],
            "training.optimizer.weight_decay: must be a number, not '0,01'; write 0.01, without quotes",
        ),
        (
            {"optimizer": {"name": "sgd", "nesterov": "true"}},
            [],
            "training.optimizer.nesterov: must be true or false, not 'true'; write true",
        ),
        ({}, [of_keras("BackupAndRestore", backup_dir="b")], "BackupAndRestore: would bring other weights back than a"),
        (
            {"average": 0.9},
            [of_keras("SwapEMAWeights")],
            "callbacks[0]: SwapEMAWeights: the model that is kept would not be",
        ),
        (
            {},
            [of_keras("LearningRateScheduler", schedule=0.1)],
            "LearningRateScheduler: calls functions, which a recipe cannot",
        ),
        (
            {},
            [of_keras("LambdaCallback", on_epoch_end="print")],
            "LambdaCallback: calls functions, which a recipe cannot hold",
        ),
        (
            {"average": 0.9, "optimizer": {"use_ema": True}},
            [],
            "training.optimizer.use_ema: averages weights that are neither "
            "validated nor kept; write training.average, as in average: 0.99",
        ),
        ({"average": 0.9, "optimizer": {"ema_momentum": 0.5}}, [], "training.optimizer.ema_momentum: averages weights"),
        (
            {"clip_norm": 1.0, "optimizer": {"clipnorm": 2.0}},
            [],
            "training.optimizer.clipnorm: clips the gradient beside training.clip_norm; keep one of the two",
        ),
        (
            {"clip_value": 1.0, "optimizer": {"global_clipnorm": 2.0}},
            [],
            "training.optimizer.global_clipnorm: clips the gradient beside training.clip_value",
        ),
        (
            {"optimizer": {"clipvalue": 2.0, "clipnorm": 1.0}},
            [],
            "training.optimizer.clipnorm: clipnorm and clipvalue exclude",
        ),
        (
            {"accumulate": 2, "optimizer": {"gradient_accumulation_steps": 4}},
            [],
            "training.optimizer.gradient_accumulation_steps: "
            "counts beside training.accumulate; keep training.accumulate",
        ),
        (
            {"optimizer": {"loss_scale_factor": 8.0}},
            [],
            "training.optimizer.loss_scale_factor: divides gradients of a loss that",
        ),
    ],
)
def test_a_pair_that_fights_is_refused(training, callbacks, problem):
    plan = read({**SMALL, "training": training, "callbacks": callbacks})
    with pytest.raises(RecipeError) as caught:
        refuse_fights(plan)
    assert any(each.startswith(problem) or f": {problem}" in each for each in caught.value.problems), caught.value


@pytest.mark.parametrize(
    ("training", "callback", "problem"),
    [
        (
            {"schedule": "exponential"},
            lambda: keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
            "callbacks: LearningRateScheduler: sets the learning rate, as training.schedule exponential does",
        ),
        (
            {"schedule": "cosine"},
            lambda: keras.callbacks.ReduceLROnPlateau("loss"),
            "callbacks: ReduceLROnPlateau: sets",
        ),
        (
            {"patience": 3},
            lambda: Patient(),
            "callbacks: Patient: ends the run by the validation loss, as training.patience",
        ),
        (
            {},
            lambda: keras.callbacks.EarlyStopping("val_accuracy"),
            "callbacks: EarlyStopping: there is no metric 'val_acc",
        ),
        (
            {},
            lambda: AverageWeights(0.9),
            "callbacks: AverageWeights: is a part of every run already; write training.average",
        ),
        ({}, lambda: Looks(every_steps=5), "callbacks: Looks: is a part of every run already; write validation in the"),
    ],
)
def test_a_callback_given_in_python_fights_too(tiny, training, callback, problem, console):
    tiny["training"] |= training
    with pytest.raises(RecipeError) as caught:
        keras_charrnn.fit(tiny, callbacks=[callback()], console=console)
    assert problem in str(caught.value) and not pathlib.Path("runs").exists()


@pytest.mark.parametrize(
    ("training", "callbacks", "given"),
    [
        ({"minutes": 1}, [of_keras("ReduceLROnPlateau")], []),
        ({"divergence": "go_back"}, ["keras.callbacks.TerminateOnNaN", of_keras("CSVLogger", filename="a.csv")], []),
        ({}, [of_keras("TensorBoard", profile_batch="10,20"), of_keras("EarlyStopping", verbose=True)], []),
        ({}, [of_keras("ModelCheckpoint", filepath="{epoch:02d}-{val_loss:.2f}.keras")], []),
        ({"optimizer": {"weight_decay": 1, "clipnorm": None, "amsgrad": False}}, [], []),
        ({"patience": 3}, [of_keras("EarlyStopping", monitor="loss")], []),
        (
            {},
            [
                of_keras("EarlyStopping", restore_best_weights=True),
                of_keras("EarlyStopping", monitor="clipped", mode="min"),
            ],
            [],
        ),
        ({}, [of_keras("ModelCheckpoint", filepath="a.keras", monitor="val_accuracy")], []),
        ({}, [of_keras("ModelCheckpoint", filepath="a.weights.h5", save_weights_only=True)], []),
        ({}, [], [Own(), keras.callbacks.EarlyStopping("my_metric", mode="min"), Samples([1.0])]),
        (
            {},
            [],
            [
                keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(mine=epoch)),
                keras.callbacks.EarlyStopping("mine", mode="min"),
            ],
        ),
        (
            {"schedule": "constant"},
            [],
            [keras.callbacks.LearningRateScheduler(lambda epoch: 0.1), keras.callbacks.LambdaCallback()],
        ),
        ({"optimizer": {"clipnorm": 1.0, "use_ema": False, "gradient_accumulation_steps": 2}}, [], []),
        ({"average": 0.9, "accumulate": 2, "clip_norm": 1.0, "optimizer": {"weight_decay": 0.1}}, [], []),
    ],
)
def test_what_goes_together_is_accepted(training, callbacks, given):
    refuse_fights(read({**SMALL, "training": training, "callbacks": callbacks}), callbacks=given)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([keras.callbacks.TerminateOnNaN], r"callbacks\[0\]: TerminateOnNaN is a class; give a .* TerminateOnNaN\(…\)"),
        (
            [keras.callbacks.History(), print],
            r"callbacks\[1\]: must be a Keras callback, not <built-in function print>",
        ),
        (keras.callbacks.History(), "callbacks must be a list of Keras callbacks, not <keras"),
        (None, "callbacks must be a list of Keras callbacks, not null"),
        (iter([]), "callbacks must be a list of Keras callbacks, not <"),  # of which the first look would leave nothing
    ],
)
def test_what_is_no_list_of_callbacks_is_refused(tiny, given, message):
    for train in (lambda: keras_charrnn.fit(tiny, callbacks=given), lambda: keras_charrnn.resume("no-run", given)):
        with pytest.raises(SettingsError, match=message):
            train()
    assert not pathlib.Path("runs").exists()


def test_check_and_studies_find_them_before_any_folder(capsys, console):
    pathlib.Path("a.txt").write_text("a text")
    text = "corpus: {path: a.txt}\ntraining: {schedule: cosine}\ncallbacks: [keras.callbacks.ReduceLROnPlateau]\n"
    pathlib.Path("r.yaml").write_text(text + "tune: {model.units: [4, 8]}\n")
    assert main(["check", "r.yaml"]) == 2
    assert "r.yaml: 1 problem\n  - callbacks[0]: ReduceLROnPlateau: sets the learning rate" in capsys.readouterr().err
    for study in (lambda: compare("r.yaml", ["gru"], console=console), lambda: tune("r.yaml", 1, console=console)):
        with pytest.raises(RecipeError, match="ReduceLROnPlateau: sets the learning rate"):
            study()
    assert not pathlib.Path("runs").exists()


def test_the_metrics_that_can_be_monitored_are_those_of_a_run(trained):
    """Were one missing in the list, or too many, a callback would be refused, or wait in vain."""
    given = {"epoch", "step", "bits_per_character", "val_bits_per_character", "learning_rate"}
    clock = {"characters_per_second", "seconds"}
    assert {*trained.history[0]} - given - clock == {"loss", "val_loss", "gradient_norm", "clipped"}
