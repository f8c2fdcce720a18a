"""Where graphs are run as they were traced, and where as the user has asked for."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from keras_charrnn.engine import compiled
from keras_charrnn.engine.as_traced import as_traced

OPTIONS = tf.config.optimizer


def is_off():
    return OPTIONS.get_experimental_options().get("disable_meta_optimizer", False)


@pytest.fixture
def asked():
    """A function that turns the optimizer off or on, as a user might; at the end it is as it was."""
    before = is_off()
    yield lambda off: OPTIONS.set_experimental_options({"disable_meta_optimizer": off})
    OPTIONS.set_experimental_options({"disable_meta_optimizer": before})


@pytest.mark.parametrize("off", [False, True])
def test_the_optimizer_is_off_within_and_as_it_was_after(off, asked):
    asked(off)
    with pytest.raises(KeyError), as_traced():
        with as_traced():
            assert is_off()
        assert is_off()
        raise KeyError
    assert is_off() == off


def test_a_training_and_its_validation_run_as_traced_and_leave_no_trace(make_model, asked):
    asked(False)  # the quick tests are without it
    model, seen = make_model(), []
    model.compile()
    ids = np.zeros((4, 5), "int32")
    listen = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(is_off()),
        on_test_batch_end=lambda batch, logs: seen.append(is_off()),
    )
    model.fit(ids, ids, validation_data=(ids, ids), batch_size=4, verbose=0, callbacks=[listen])
    assert seen == [True, True]
    assert not is_off()


def test_what_is_compiled_ahead_goes_by_the_options_of_now(asked):
    asked(False)

    def options():
        return context.context().function_call_options.config_proto_serialized

    compiled._AHEAD.submit(options).result()  # a thread keeps them from then on
    seen = []
    before = compiled._zeros
    try:
        compiled._zeros = lambda spec: seen.append(options()) or before(spec)
        with as_traced():
            compiled._AHEAD.submit(compiled._run_on_zeros, tf.identity, [tf.TensorSpec((), tf.float32)]).result()
            assert seen == [options()]
    finally:
        compiled._zeros = before
    assert seen != [options()]
