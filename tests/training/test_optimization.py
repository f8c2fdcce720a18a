"""The keys of the training: schedules, average, accumulation, decay, patience, time."""

import importlib.metadata
import time

import keras
import numpy as np
import pytest
import tensorflow as tf

import keras_charrnn
from keras_charrnn.errors import RecipeError, SettingsError
from keras_charrnn.model import load_model
from keras_charrnn.recipe.training import Training
from keras_charrnn.text import windows
from keras_charrnn.training.callbacks import AverageWeights, GradientClipping, TimeBudget
from keras_charrnn.training.optimization import Course, make_callbacks, make_optimizer
from tests.conftest import TEXT, needs_muon

thorough = pytest.mark.thorough


def data_of(model, batch_size=4):
    return windows.training_windows(model.vocabulary.encode(TEXT), batch_size, 8)


@pytest.mark.parametrize(
    ("schedule", "wanted"),
    [
        ({"name": "step", "rate": 0.1, "every_epochs": 2}, [0.01, 0.01, 0.001, 0.001, 0.0001]),
        ({"name": "exponential", "rate": 0.5, "from_epoch": 1}, [0.01, 0.01, 0.005, 0.0025, 0.00125]),
        (
            {"name": "cosine", "warmup_steps": 2, "final": 0.1},
            [0.005, 0.01, 0.001 + 0.009 * 0.75, 0.001 + 0.009 * 0.25, 0.001],  # half a cosine in three steps
        ),
    ],
)
def test_a_schedule_steers_a_fit(schedule, wanted):
    settings = Training(optimizer={"name": "sgd", "learning_rate": 0.01}, schedule=schedule, epochs=5)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])  # any model: nothing to trace for long
    model.compile(make_optimizer(settings, 1, model), loss="mse", run_eagerly=True)
    rates = []
    seen = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: rates.append(float(model.optimizer.learning_rate)))
    model.fit(np.ones((1, 1)), np.ones((1, 1)), epochs=5, verbose=0, callbacks=[*make_callbacks(settings, 1), seen])
    np.testing.assert_allclose(rates, wanted, rtol=1e-5)


def test_the_rate_is_worked_out_once_in_a_graph_and_follows_the_step():
    course = Course(0.0, 8, warmup_target=0.5, warmup_steps=2, first=3)
    step, other = tf.Variable(4), tf.Variable(13)

    @tf.function
    def rates():
        assert course(step) is course(step) and course(other) is not course(step)
        return course(step), course(other)

    np.testing.assert_allclose(rates(), [0.25, 0.0], atol=1e-7)
    step.assign(5)
    np.testing.assert_allclose([*rates(), course(step)], [0.5, 0.0, 0.5], atol=1e-7)


@thorough  # beside the test above; that a run of a recipe follows its schedule is in test_resume.py, too
def test_the_step_schedule_falls_every_so_many_epochs(tiny, console):
    tiny["training"] |= {"epochs": 5, "schedule": {"name": "step", "rate": 0.1, "every_epochs": 2}}
    rates = [row["learning_rate"] for row in keras_charrnn.fit(tiny, console=console).history]
    np.testing.assert_allclose(rates, [0.01, 0.01, 0.001, 0.001, 0.0001], rtol=1e-5)


class Clock:
    """A clock that a step and a validation move on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Work(keras.callbacks.Callback):
    """Takes a second for each step and 20 for each validation."""

    def __init__(self, clock):
        super().__init__()
        self.clock, self.rates = clock, []

    def on_train_batch_end(self, batch, logs=None):
        self.clock.now += 1
        self.rates.append(float(self.model.optimizer.learning_rate))

    def on_test_batch_end(self, batch, logs=None):
        self.clock.now += 20 / self.params["steps"] if "steps" in self.params else 20


@pytest.mark.parametrize("seconds", [50.0, 300.0])
def test_a_run_and_its_cosine_end_with_the_time(make_model, seconds):
    model, clock = make_model(), Clock()
    model.compile(keras.optimizers.SGD(0.5))
    data, cosine = data_of(model, 8), keras.optimizers.schedules.CosineDecay(0.5, 1.0)
    work = Work(clock)
    budget = TimeBudget(seconds, 10**6, lambda step, progress: float(cosine(progress)))
    budget.clock = clock
    ids = windows.evaluation_windows(model.vocabulary.encode(TEXT))
    history = model.fit(data, epochs=50, validation_data=ids, verbose=0, callbacks=[work, budget])
    epochs = len(history.history["loss"])
    validation = clock.now - len(work.rates)
    assert seconds - 2 <= clock.now <= seconds + (validation / epochs if epochs == 1 else 2)
    rates = np.array([*work.rates, float(model.optimizer.learning_rate)])
    assert (np.diff(rates) <= 0).all() and rates[0] == 0.5 and rates[-1] < 1e-3
    if seconds == 50:  # within the first epoch
        np.testing.assert_allclose(rates[25], 0.25, atol=0.03)


def test_steps_may_end_before_the_time(make_model):
    model = make_model()
    model.compile(keras.optimizers.SGD(1.0))
    data, seen = data_of(model), []
    budget = TimeBudget(1e6, 2 * data.steps, lambda step, progress: seen.append(progress) or 1.0)
    model.fit(data, epochs=3, verbose=0, callbacks=[budget])
    np.testing.assert_allclose(np.diff(seen), 1 / (2 * data.steps), atol=1e-4)
    assert int(model.optimizer.iterations) == 2 * data.steps and seen[-1] == 1.0
    with pytest.raises(SettingsError, match="seconds must be above 0; received 0"):
        TimeBudget(0, 10)


def test_minutes_end_a_run_of_a_recipe(tiny, console):
    tiny["training"] |= {"epochs": 10**6, "minutes": 0.03, "schedule": {"name": "cosine", "warmup_steps": 5}}
    began = time.monotonic()
    run = keras_charrnn.fit(tiny, console=console)
    assert time.monotonic() - began < 60
    assert len(run.history) >= 1 and run.history[-1]["learning_rate"] < 1e-4


def test_the_average_is_validated_and_kept(make_model, tmp_path):
    momentum = 0.97
    model = make_model()
    model.compile(keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=momentum))
    data = data_of(model)
    ids = windows.evaluation_windows(model.vocabulary.encode(TEXT))
    seen, averages = [], []

    class Watch(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(self.model.get_weights())

    class Save(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            averages.append((self.model.get_weights(), logs["average"]))
            self.model.save(tmp_path / "m.keras")

    history = model.fit(
        data, epochs=2, validation_data=ids, verbose=0, callbacks=[Watch(), AverageWeights(momentum), Save()]
    )
    wanted = seen[0]
    for number, weights in enumerate(seen[1:], 1):
        m = min(momentum, (1 + number) / (10 + number))
        wanted = [m * a + (1 - m) * w for a, w in zip(wanted, weights, strict=True)]
        if number + 1 in (data.steps, 2 * data.steps):
            kept, named = averages[(number + 1) // data.steps - 1]
            for a, w in zip(kept, wanted, strict=True):
                np.testing.assert_allclose(a, w, atol=1e-5)
            assert named == momentum
    loaded = load_model(tmp_path / "m.keras")
    loaded.compile()
    np.testing.assert_allclose(loaded.evaluate(ids, verbose=0), history.history["val_loss"][-1], rtol=1e-5)
    for a, w in zip(model.get_weights(), wanted, strict=True):  # and so is the model after `fit`
        np.testing.assert_allclose(a, w, atol=1e-5)


@pytest.mark.parametrize("stop", [True, pytest.param(False, marks=thorough)])  # False: in the test above, too
def test_a_fit_that_is_stopped_ends_with_the_average_too(make_model, stop):
    model = make_model()
    model.compile(keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))
    ids = windows.evaluation_windows(model.vocabulary.encode(TEXT))
    early = keras.callbacks.EarlyStopping("val_loss", mode="min", patience=1, min_delta=100)
    used = [*([early] if stop else []), AverageWeights(0.9)]
    history = model.fit(data_of(model), epochs=3, validation_data=ids, verbose=0, callbacks=used).history
    assert len(history["loss"]) == (2 if stop else 3)
    model.compile()
    np.testing.assert_allclose(model.evaluate(ids, verbose=0), history["val_loss"][-1], rtol=1e-5)


def test_accumulated_gradients_are_those_of_a_larger_batch(make_model):
    results = []
    for accumulate in (1, 2):
        keras.utils.set_random_seed(4)
        model = make_model()
        model.carry_states = False
        optimizer = make_optimizer(
            Training(optimizer={"name": "sgd", "learning_rate": 0.5}, accumulate=accumulate), 10, model
        )
        model.compile(optimizer)
        inputs, targets = next(iter(data_of(model, 8).dataset))
        pieces = [(inputs, targets)] if accumulate == 1 else [(inputs[:4], targets[:4]), (inputs[4:], targets[4:])]
        for piece in pieces:
            model.fit(tf.data.Dataset.from_tensors(piece), verbose=0)
        assert int(model.optimizer.iterations) == 1
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


@pytest.mark.parametrize("cell", ["gru", pytest.param("lstm", marks=thorough)])
def test_weight_decay_spares_biases_and_gains(make_model, cell):
    model = make_model(cell=cell, normalization="layer", feed_forward=5)
    for weight in model.trainable_weights:
        weight.assign(np.ones(weight.shape))
    settings = Training(optimizer={"name": "adamw", "learning_rate": 1e-6, "weight_decay": 1e5})
    optimizer = make_optimizer(settings, 10, model)
    optimizer.build(model.trainable_weights)
    optimizer.apply_gradients([(np.zeros(weight.shape, "float32"), weight) for weight in model.trainable_weights])
    decayed = {weight.path for weight in model.trainable_weights if abs(weight.numpy() - 0.9).max() < 1e-5}
    spared = {weight.path for weight in model.trainable_weights if (weight.numpy() == 1).all()}
    assert decayed | spared == {weight.path for weight in model.trainable_weights}
    assert {path.rpartition("/")[2] for path in decayed} == {"kernel", "recurrent_kernel", "embeddings"}
    assert {path.rpartition("/")[2] for path in spared} == {"bias", "gamma", "beta"}


@needs_muon
@pytest.mark.parametrize(
    ("settings", "kernels"), [({"embedding": "one_hot"}, set()), ({"ngrams": 2}, {"recurrent_0/kernel"})]
)
def test_muon_makes_updates_of_matrices_orthogonal_and_leaves_the_rest_to_adamw(make_model, rng, settings, kernels):
    model = make_model(cell="gru", normalization="rms", feed_forward=5, **settings)
    asked = {"name": "muon", "learning_rate": 0.01, "weight_decay": 0.1}
    muon = make_optimizer(Training(optimizer=asked), 10, model)
    adamw = keras.optimizers.AdamW(0.01, weight_decay=0.1)
    decayed = {"kernel", "recurrent_kernel", "embeddings"}
    adamw.exclude_from_weight_decay(var_list=[each for each in model.trainable_weights if each.name not in decayed])
    before, gradients, results = [weight.numpy() for weight in model.trainable_weights], [], []
    for weight in model.trainable_weights:
        gradients.append([rng.normal(size=weight.shape).astype("float32") for _ in range(2)])
    for optimizer in (muon, adamw):
        for weight, value in zip(model.trainable_weights, before, strict=True):
            weight.assign(value)
        optimizer.build(model.trainable_weights)
        for step in range(2):
            optimizer.apply_gradients(zip([each[step] for each in gradients], model.trainable_weights, strict=True))
        results.append([weight.numpy() for weight in model.trainable_weights])
    turned = set()
    for weight, old, (one, two), mine, other in zip(model.trainable_weights, before, gradients, *results, strict=True):
        if np.allclose(mine, other, rtol=1e-4, atol=1e-6):
            continue
        turned.add(weight.path.split("/")[-3] + "/" + weight.name)
        for momentum in (1.95 * one, 0.95 * (0.95 * one + two) + two):  # Nesterov's
            u, _, v = np.linalg.svd(momentum, full_matrices=False)
            old = old - 0.01 * 0.1 * old - 0.01 * 0.2 * np.sqrt(max(old.shape)) * (u @ v)
        np.testing.assert_allclose(mine, old, atol=0.15 * 0.01 * 0.2 * 2 * np.sqrt(max(old.shape)))
    inside = {"recurrent_0/recurrent_kernel", "feed_forward/kernel"}
    assert turned == inside | kernels  # and not W of one-hot inputs, the head, nor the gru's bias, (2, 3*H)


@needs_muon
@pytest.mark.parametrize(
    ("optimizer", "message"),
    [
        ({"name": "muon", "momentun": 0.9}, r"training\.optimizer: Keras refuses .*momentun"),
        ({"name": "muon", "ns_steps": 5}, r"there are no Newton-Schulz iterations here, for 'ns_steps' to steer"),
        ({"name": "muon", "clipnorm": 1, "clipvalue": 1}, r"training\.optimizer: Keras refuses .* Only one of"),
    ],
)
def test_an_argument_that_muon_does_not_take_is_told(make_model, optimizer, message):
    with pytest.raises(SettingsError, match=message):
        make_optimizer(Training(optimizer={"learning_rate": 0.01, **optimizer}), 10, make_model())


def test_a_keras_too_old_for_an_optimizer_is_told(make_model, monkeypatch):
    monkeypatch.setattr(importlib.metadata, "version", {"keras": "3.12.1"}.get)
    for name, since in {"muon": "3.13", "schedule_free_adamw": "3.14"}.items():
        with pytest.raises(SettingsError, match=rf"{name} needs Keras {since} or later, and this is 3\.12\.1; pip"):
            make_optimizer(Training(optimizer={"name": name, "learning_rate": 0.01}), 10, make_model())


def test_label_smoothing_changes_the_gradient_and_not_the_loss_that_is_shown(make_model):
    losses, weights = [], []
    for smoothing in (0.0, 0.3):
        keras.utils.set_random_seed(4)
        model = make_model()
        model.label_smoothing = smoothing
        model.compile(keras.optimizers.SGD(0.5))
        data = data_of(model).dataset.take(1)
        losses.append(model.fit(data, verbose=0, callbacks=[GradientClipping()]).history["loss"][0])
        weights.append(model.get_weights())
    assert losses[0] == losses[1]
    assert not np.allclose(weights[0][-1], weights[1][-1])


def test_patience_ends_a_run_that_no_longer_improves(tiny, console):
    tiny["training"] |= {"epochs": 40, "patience": 2, "optimizer": {"name": "sgd", "learning_rate": 1e-12}}
    tiny["windows"]["random_offset"] = False
    assert len(keras_charrnn.fit(tiny, console=console).history) < 10


@thorough  # `test_resume.py` trains all keys of one layer, `tests/model/test_composition.py` all settings of the model
@pytest.mark.parametrize(("cell", "layers"), [("simple_rnn", 1), ("lstm", 2)])
def test_all_keys_together_train(tiny, console, cell, layers):
    tiny["model"] |= {
        "cell": cell, "layers": layers, "units": 8, "embedding": 8, "embedding_dropout": 0.1, "dropout": 0.1,
        "output_dropout": 0.2, "variational": True, "recurrent_dropout": 0.1, "zoneout": {"h": 0.1}, "weight_drop": 0.1,
        "normalization": "rms", "residual": True, "feed_forward": 16, "tie_embedding": True,
    }  # fmt: skip
    tiny["training"] |= {
        "epochs": 3, "average": 0.9, "accumulate": 2, "label_smoothing": 0.1, "patience": 3, "minutes": 5,
        "optimizer": {"name": "adamw", "learning_rate": 0.01, "weight_decay": 0.1},
    }  # fmt: skip
    tiny["compute"]["replicas"] = 2
    run = keras_charrnn.fit(tiny, console=console)
    assert run.metrics["val_loss"] < np.log(35) and run.metrics["average"] == 0.9
    validation = TEXT[int(0.9 * len(TEXT)) :]
    np.testing.assert_allclose(run.model.score(validation).nats_per_character, run.metrics["val_loss"], rtol=1e-4)
    assert run.model.generate("the ", 5, seed=1)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"model.tie_embedding": True}, "model.tie_embedding: needs model.embedding as wide as model.units, 8"),
        ({"model.embedding": "one_hot", "model.embedding_dropout": 0.1}, "model.embedding_dropout: there is no"),
        ({"model.ngrams": 6}, "model.ngrams: must be a whole number from 1 to 5, not 6"),
        ({"model.ngrams": True}, "model.ngrams: must be a whole number from 1 to 5, not true"),
        ({"model.embedding": "one_hot", "model.ngrams": 2}, "model.ngrams: there is no embedding to add to"),
        ({"model.zoneout": {"h": 2}}, "model.zoneout: must be a number at least 0 and below 1 or a mapping"),
        ({"training.average": 1}, "training.average: must be a number above 0 and below 1, or null, not 1"),
        ({"training.minutes": 0}, "training.minutes: must be a number above 0, or null, not 0"),
        ({"training.schedule": "stepp"}, "training.schedule: must be .*did you mean 'step'"),
    ],
)
def test_keys_out_of_range_are_told(tiny, override, message):
    with pytest.raises(RecipeError, match=message):
        keras_charrnn.read_recipe(tiny, override)
