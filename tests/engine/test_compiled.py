"""What XLA compiles is compiled ahead, and stays what it is."""

import pytest
import tensorflow as tf

from keras_charrnn.engine import compiled


@pytest.fixture
def ahead(monkeypatch):
    """A function that returns what has been run ahead so far, when all of it is over."""
    run, results = compiled._run_on_zeros, []
    monkeypatch.setattr(compiled, "_run_on_zeros", lambda *arguments: results.append(run(*arguments)))

    def wait():
        compiled._AHEAD.submit(int).result()
        return results

    return wait


@compiled.compiled
def plus_one(x, nothing, parts):
    return x + parts["y"] + (1 if nothing is None else 0)


def test_as_a_part_of_a_graph_it_is_run_on_zeros_once_for_each_kind_of_arguments(ahead):
    def two(x, y):
        return plus_one(plus_one(x, None, {"y": y}), None, {"y": y})

    graph = tf.function(two, autograph=False).get_concrete_function(tf.ones(3), tf.ones(()))
    (result,) = ahead()
    assert result.numpy().tolist() == [1, 1, 1]
    assert graph(tf.ones(3), tf.ones(())).numpy().tolist() == [5, 5, 5]
    tf.function(two, autograph=False)(tf.ones(2), tf.ones(()))
    assert [each.shape for each in ahead()] == [(3,), (2,)]


def test_by_itself_it_is_not(ahead):
    assert plus_one(tf.ones(4), None, {"y": tf.ones(())}).numpy().tolist() == [3] * 4
    assert ahead() == []


def test_nor_run_eagerly(ahead):
    tf.config.run_functions_eagerly(True)
    try:
        assert plus_one(tf.ones(5), 1, {"y": tf.ones(())}).numpy().tolist() == [2] * 5
    finally:
        tf.config.run_functions_eagerly(False)
    assert ahead() == []


def test_what_cannot_be_run_ahead_says_so_when_it_is_run(ahead):
    @compiled.compiled
    def broken(x):
        return tf.reshape(tf.py_function(lambda x: x, [x], x.dtype), (2,))

    graph = tf.function(broken, autograph=False).get_concrete_function(tf.ones(2))
    assert ahead() == []
    with pytest.raises(tf.errors.InvalidArgumentError, match="EagerPyFunc"):
        graph(tf.ones(2))
