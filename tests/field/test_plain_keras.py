"""A `CharRNN` used as any Keras model is: on arrays and data sets, copied, saved, put into others."""

import copy
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_charrnn import CharRNN, Vocabulary
from keras_charrnn.errors import RegistryError, SettingsError, VocabularyError
from keras_charrnn.text.windows import training_windows
from tests.conftest import TEXT

IDS = Vocabulary(TEXT).encode(TEXT).astype("int32")
SYMBOLS = len(Vocabulary(TEXT))
N, T = 10, 6
X, Y = IDS[: N * T].reshape(N, T), IDS[1 : N * T + 1].reshape(N, T)
WEIGHTS = np.linspace(0, 2, N * T, dtype="float32").reshape(N, T)


def slow(*row):
    """Return a row whose shapes are compiled anew, beside one that `make test` tries."""
    return pytest.param(*row, marks=pytest.mark.thorough)


def compiled(**settings):
    keras.utils.set_random_seed(1)
    model = CharRNN(Vocabulary(TEXT), **{"units": 5, "embedding": 3, **settings})
    model.compile(keras.optimizers.SGD(0.5))
    return model


@pytest.fixture(scope="module")
def model():
    """One for all tests that do not train."""
    return compiled()


def nats(model, x, y):
    """Return the nats of targets (N, T), each row on its own, by NumPy's softmax."""
    logits = np.concatenate([model(row[None]).numpy() for row in np.asarray(x)]).astype("float64")
    logits -= logits.max(-1, keepdims=True)
    return np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, np.asarray(y)[..., None], -1)[..., 0]


def train_by_hand(model, batches):
    """Make a step of gradient descent on the weighted mean of each batch (x, y, weights)."""
    for x, y, weights in batches:
        with tf.GradientTape() as tape:
            logits, _ = model.run(tf.constant(x), model.initial_states(len(x)))
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_sum(losses * weights) / tf.reduce_sum(weights)
        for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights), strict=True):
            weight.assign_sub(0.5 * tf.convert_to_tensor(gradient))


@pytest.mark.parametrize("weights", [*map(slow, (None, WEIGHTS[:, 0])), WEIGHTS])
def test_fit_on_arrays_steps_down_the_mean_of_rows_that_know_nothing_of_one_another(weights):
    model, twin = compiled(), compiled()
    history = model.fit(X, Y, batch_size=4, verbose=0, shuffle=False, sample_weight=weights).history
    each = np.ones((N, T), "float32") if weights is None else np.broadcast_to(weights.reshape(N, -1), (N, T))
    train_by_hand(twin, [(X[i : i + 4], Y[i : i + 4], each[i : i + 4]) for i in (0, 4, 8)])  # the last has two rows
    for one, other in zip(model.get_weights(), twin.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert [*history] == ["loss"]
    assert all(np.all(state == 0) for layer in model.recurrent for state in layer.states)


def test_the_loss_of_an_epoch_is_the_weighted_mean_of_its_targets():
    model = compiled()
    model.optimizer.learning_rate = 0.0  # the weights stay
    wanted = np.average(nats(model, X, Y), weights=WEIGHTS)
    history = model.fit(X, Y, 4, 1, 0, sample_weight=WEIGHTS, validation_data=(X, Y, WEIGHTS)).history
    np.testing.assert_allclose([history["loss"][0], history["val_loss"][0]], wanted, rtol=1e-5)
    history = model.fit(X.tolist(), tf.constant(Y), 4, verbose=0, validation_split=0.6).history
    np.testing.assert_allclose(history["val_loss"][0], nats(model, X[4:], Y[4:]).mean(), rtol=1e-5)
    np.testing.assert_allclose(history["loss"][0], nats(model, X[:4], Y[:4]).mean(), rtol=1e-5)
    assert model.train_on_batch(X[:4], Y[:4]) == pytest.approx(history["loss"][0], rel=1e-5)
    assert model.train_on_batch(X[:4], Y[:4], return_dict=True).keys() == {"loss"}


@pytest.mark.parametrize("weights", [slow(None), WEIGHTS])
@pytest.mark.parametrize(("rows", "batch_size"), [slow(1, None), slow(5, 4), (9, 4), slow(10, None)])
def test_evaluate_on_arrays_counts_every_target_once(model, rows, batch_size, weights):
    x, y, weights = X[:rows], Y[:rows], weights if weights is None else weights[:rows]
    wanted = np.average(nats(model, x, y), weights=weights)
    np.testing.assert_allclose(model.evaluate(x, y, batch_size, 0, weights), wanted, rtol=1e-5)
    assert model.test_on_batch(x, y, weights, return_dict=True)["loss"] == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("shape", [slow((1, 6)), (5, 6), (9, 5), slow((10, 1))])
def test_predict_returns_as_many_rows_as_it_was_given(model, shape):
    x = X[: shape[0], : shape[1]]
    wanted = np.concatenate([model(row[None]).numpy() for row in x])
    for found in (model.predict(x, 4, verbose=0), model.predict_on_batch(x)):
        np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.thorough  # `predict` is traced for each length in the same way
def test_windows_of_other_lengths_are_fitted_and_evaluated_in_turn():
    model = compiled()
    for length in (2, 4, 3):
        data = training_windows(IDS[:60], 4, length)
        assert np.isfinite(model.fit(data, validation_data=data, verbose=0).history["val_loss"]).all()


def test_predict_takes_windows_and_data_sets(model):
    data = training_windows(IDS[:60], 4, 5)
    wanted = np.concatenate([model(inputs).numpy() for inputs, _ in data.dataset])
    for each in (data, data.dataset, data.dataset.map(lambda inputs, _: inputs)):
        np.testing.assert_allclose(model.predict(each, verbose=0), wanted, atol=1e-6)


def dataset(*parts, batch=5, **options):
    return tf.data.Dataset.from_tensor_slices(parts if len(parts) > 1 else parts[0]).batch(batch, **options)


def whole(x, y):
    """Return a data set whose one element has all rows."""
    return dataset(x, y, batch=N, drop_remainder=True)


def frozen(model):
    twin = keras.models.clone_model(model)
    twin.trainable = False
    twin.compile()
    return twin


def test_ids_of_any_whole_type_are_ids(model):
    small = whole(X.astype("uint8"), Y.astype("int64"))
    assert model.evaluate(small, verbose=0) == pytest.approx(nats(model, X, Y).mean(), rel=1e-5)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X,), "y is needed with x: for each id of x that of the character after it"),
        ((X, Y[:9]), r"y must have the shape of x, \(10, 6\): the character after each; it has \(9, 6\)"),
        (
            (X.astype("float32"), Y),
            r"x must be ids of characters, whole numbers .*; received ndarray of float32, \(10, 6\)",
        ),
        ((TEXT, TEXT), r"x must be ids of .*; received str\. model\.vocabulary\.encode makes ids of a text"),
        (([TEXT, TEXT], Y), r"x must be ids of .*; received list of <U"),
        (([[1, 2], [1]], Y), "x must be ids of .* all rows of one length; received list"),
        ((X[0], Y[0]), r"received ndarray of int32, \(6,\)"),
        ((X, keras.utils.to_categorical(Y)), r"y must be ids of .*; received ndarray of float\d+, \(10, 6, \d+\)"),
        ((X[:0], Y[:0]), r"received ndarray of int32, \(0, 6\)"),
        ((iter([(X, Y)]),), "received list_iterator"),
        ((X + SYMBOLS, Y), rf"x has the id {SYMBOLS + X.min()}, and the model's {SYMBOLS} symbols those from 0 on"),
        ((X, Y - 100), rf"y has the id {Y.min() - 100}, "),
        ((X, Y, 0), "batch_size must be a whole number of 1 or more; received 0"),
        ((dataset(X, Y), Y), "y and sample_weight go with arrays"),
        ((dataset(X),), r"an element of the data set must be \(inputs, targets\), .*; it is TensorSpec"),
        ((tf.data.Dataset.from_tensors({"x": X}),), "an element of the data set must be"),
        ((dataset(X.astype("float32"), Y),), "the first two ids of characters, whole numbers"),
        ((dataset(X, Y),), r"fixed shape \(batch, time\); these have \(None, 6\).* batch with drop_remainder=True"),
        ((dataset(X, Y[:, :4]),), r"targets must have the shape of the inputs, \(None, 6\); they have \(None, 4\)"),
        ((dataset(X, Y, WEIGHTS[:, :4]),), r"weights must have the shape of the inputs, .*; they have \(None, 4\)"),
        ((tf.data.Dataset.from_tensor_slices((X, Y)),), r"fixed shape \(batch, time\); these have \(6,\)"),
    ],
)
def test_data_that_is_none_is_one_clear_error(model, arguments, message):
    for method in (model.fit, model.evaluate):
        with pytest.raises(SettingsError, match=message):
            method(*arguments, verbose=0) if len(arguments) < 3 else method(*arguments)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda model: model.predict(X + 1000), "x has the id 10"),
        (lambda model: model.predict(dataset(X / 2)), "must be, or begin with, ids of characters, .*dtype=tf.float64"),
        (lambda model: model.predict(dataset(X - 99), verbose=0), f"an id outside of those of the {SYMBOLS} symbols"),
        (lambda model: model.evaluate(whole(X, Y + 99), verbose=0), f"an id outside of those of the {SYMBOLS} symbols"),
        (lambda model: model.fit(X, Y, validation_data=(X, Y, X, Y)), r"must be \(x, y\) or .*; it has 4 parts"),
        (lambda model: model.fit(X, Y, validation_split=1.0), "must leave rows for both of 10; received 1.0"),
        (lambda model: model.fit(1, Y, validation_split=0.1), "validation_split goes with arrays"),
        (lambda model: frozen(model).fit(X, Y), "there is no weight to train: set model.trainable = True"),
        (lambda model: model.save("model.h5"), r"a file that ends in \.keras; received model\.h5\. model\.export"),
        (
            lambda model: [model.save("a.keras", overwrite=False) for _ in "12"],
            "a.keras is there already, and overwrite",
        ),
        (lambda model: CharRNN(model.vocabulary, dropout="0.1"), "dropout must be at least 0 .*; received '0.1'"),
        (lambda model: CharRNN(model.vocabulary, keras.layers.GRUCell), "cell must be the name of a registered cell; "),
        (
            lambda model: CharRNN(model.vocabulary, cell_arguments=[1]),
            r"cell_arguments must be a mapping; received \[1",
        ),
        (
            lambda model: CharRNN(model.vocabulary, layers=True),
            "layers must be a whole number of 1 or more; received T",
        ),
        (
            lambda model: CharRNN(model.vocabulary, "rhn", cell_arguments={"dept": 2}),
            r"the cell 'rhn' refuses the arguments \{'dept': 2\}: .*dept",
        ),
        (lambda model: CharRNN(model.vocabulary, feed_forward=2.5), "feed_forward must be a whole number of 0 or more"),
        (lambda model: CharRNN(model.vocabulary, dtype="mixed_bfloat16"), "dtype='mixed_bfloat16' asks for weights"),
        (lambda model: model.predict_on_batch(TEXT), "x must be ids of characters"),
        (lambda model: model.train_on_batch(X), "y is needed"),
        (
            lambda model: model.fit(X, Y, sample_weight=WEIGHTS[:4]),
            r"sample_weight must be .* \(10,\) or \(10, 6\); rec",
        ),
        (lambda model: model.fit(X, Y, class_weight={0: 2}), "takes no class_weight; give sample_weight"),
        (lambda model: model.fit(dataset(X, Y), validation_split=0.1), "validation_split goes with arrays"),
        (lambda model: model(X[0]), r"takes ids of the shape \(rows, characters\); received \(6,\)"),
        (lambda model: model.compile("adam", "mse"), "its own loss, nats per character: call compile without `loss`"),
        (lambda model: model.compile(metrics=["accuracy"]), "call compile without `metrics`"),
        (lambda model: model.quantize("int8"), "a CharRNN is not quantized: most of its weights are the cells'"),
        (lambda model: CharRNN(model.vocabulary).fit(X, Y), r'call compile before fit, as in model\.compile\("adam"\)'),
        (lambda model: CharRNN(model.vocabulary).evaluate(X, Y), "call compile before evaluate"),
        (lambda model: CharRNN(model.vocabulary, unit=5), "a CharRNN has no setting 'unit', did you mean 'units'?"),
        (lambda model: CharRNN(TEXT), r"vocabulary must be a keras_charrnn\.Vocabulary; received str"),
    ],
)
def test_what_a_char_rnn_has_not_is_one_clear_error(model, call, message):
    with pytest.raises(SettingsError, match=message):
        call(model)


def through_a_file(model):
    model.save("model.keras")
    return keras.models.load_model("model.keras")


def through_weights(model):
    model.save_weights("model.weights.h5")
    twin = compiled()
    twin.set_weights([weight * 0 for weight in twin.get_weights()])
    twin.load_weights("model.weights.h5")
    return twin


def through_json(model):
    twin = keras.models.model_from_json(model.to_json())
    twin.set_weights(model.get_weights())
    return twin


@pytest.mark.parametrize(
    "way",
    [
        through_a_file,
        through_weights,
        through_json,
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
    ],
)
def test_a_copy_predicts_the_same_and_knows_the_vocabulary(model, way):
    twin = way(model)
    np.testing.assert_allclose(twin(X), model(X), atol=1e-6)
    assert twin.vocabulary.symbols == model.vocabulary.symbols and twin.settings == model.settings


def test_a_clone_has_new_weights(model):
    keras.utils.set_random_seed(2)
    twin = keras.models.clone_model(model)
    assert twin.vocabulary.symbols == model.vocabulary.symbols and twin.settings == model.settings
    assert twin(X).shape == (N, T, SYMBOLS) and not np.allclose(twin(X), model(X))


def test_a_call_in_training_drops_others_each_time():
    model = compiled(dropout=0.5, cell="simple_rnn")
    first, second, *read = (model(X, training=training).numpy() for training in (True, True, False, False))
    assert not np.allclose(first, second) and not np.allclose(first, read[0])
    np.testing.assert_array_equal(*read)


def test_a_configuration_serves_several_times(model):
    config = model.get_config()
    assert CharRNN.from_config(config).get_config() == CharRNN.from_config(config).get_config() == config


@pytest.mark.parametrize("text", [None, TEXT.encode(), [TEXT]])
def test_a_text_to_score_is_a_str(model, text):
    with pytest.raises(VocabularyError, match=f"the text must be a str; received {type(text).__name__}"):
        model.score(text)


def test_another_precision_has_effect_on_what_was_compiled_before():
    model = compiled(cell="simple_rnn")
    before = model.score(TEXT[:3]).nats
    model.precision = "bfloat16"
    assert 0 < np.abs(model.score(TEXT[:3]).nats - before).max() < 0.1 and not model.functions.made


def test_a_name_in_other_letters_is_near():
    with pytest.raises(RegistryError, match="unknown cell 'LSTM', did you mean 'lstm'"):
        CharRNN(Vocabulary(TEXT), "LSTM")


def test_it_is_a_part_of_other_models(model):
    inputs = keras.Input((T,), dtype="int32")
    functional, sequential = keras.Model(inputs, model(inputs)), keras.Sequential([model])
    for each in (functional, sequential):
        np.testing.assert_allclose(each(X), model(X), atol=1e-6)
    assert functional.output_shape == (None, T, SYMBOLS)


def test_the_summary_has_every_layer_with_its_shape(model):
    lines = []
    compiled(layers=2, normalization="layer", ngrams=2).summary(line_length=100, print_fn=lines.append)
    text = "\n".join(lines)
    assert f"(None, None, {SYMBOLS})" in text and text.count("(None, None, 5)") == 3 and "?" not in text
