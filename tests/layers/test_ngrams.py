"""The sums of rows of n-grams, their gradient, and where in a table an n-gram is."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from keras_charrnn.layers.ngrams import MOST, NGrams, row_of, rows_of


def make(symbols, order, rng, width=3):
    layer = NGrams(symbols, order, width)
    layer.build((None, None))
    for table in layer.tables:
        assert not np.any(table)
        table.assign(rng.normal(size=table.shape))
    return layer


def by_hand(layer, ids, marks):
    """Return the sums of rows (T, B, E), character by character, and the row of each n-gram."""
    symbols, sums, places = layer.symbols, np.zeros((*ids.shape, layer.width)), []
    for b in range(ids.shape[1]):
        read = []
        for t, each in enumerate(ids[:, b]):
            read = [] if marks is not None and marks[t, b] else read
            read = [*read, int(each) + 1]
            for table, count in zip(layer.tables, range(2, 6), strict=False):
                *before, last = [0] * (count - len(read)) + read[-count:]
                base = symbols + 1 if (symbols + 1) ** count < 32749 else 2961
                place = sum(digit * base ** (count - 1 - k) for k, digit in enumerate([*before, last])) % 32749
                sums[t, b] += np.asarray(table)[place]
                places.append((count, t, b, place))
    return sums, places


# Pairs and triples in tables of their own; hashed triples; both hashed; all up to fives.
@pytest.mark.parametrize(("symbols", "order"), [(9, 2), (9, 3), (40, 3), (300, 3), (40, 5)])
@pytest.mark.parametrize("restarts", [False, True])
def test_the_sums_are_those_of_a_loop_in_pieces_too_and_their_gradient_is_theirs(rng, symbols, order, restarts):
    layer, ids = make(symbols, order, rng), rng.integers(0, symbols, (8, 4)).astype("int32")
    marks = rng.random(ids.shape) < 0.3 if restarts else None
    wanted, places = by_hand(layer, ids, marks)
    weights = rng.normal(size=wanted.shape).astype("float32")
    with tf.GradientTape() as tape:
        tape.watch([table.value for table in layer.tables])
        sums, after = layer.run(tf.constant(ids), layer.initial_state(4), marks)
        loss = tf.reduce_sum(sums * weights)
    np.testing.assert_allclose(sums, wanted, atol=1e-5)
    gradients = tape.gradient(loss, [table.value for table in layer.tables])
    for count, table, gradient in zip(range(2, 6), layer.tables, gradients, strict=False):
        dense = np.zeros(table.shape, "float32")
        for _, t, b, place in (each for each in places if each[0] == count):
            dense[place] += weights[t, b]
        np.testing.assert_allclose(tf.convert_to_tensor(gradient), dense, atol=1e-5)
    states = layer.initial_state(4)
    for begin, end in itertools.pairwise((0, 1, 2, 5, 8)):
        piece, states = layer.run(tf.constant(ids[begin:end]), states, None if marks is None else marks[begin:end])
        np.testing.assert_array_equal(piece, sums[begin:end])
    np.testing.assert_array_equal(states[0], after[0])


def test_none_is_no_symbol(rng):
    layer = make(5, 3, rng)
    firsts = layer.run(tf.range(5)[None], layer.initial_state(5))[0][0].numpy()
    for before in range(5):
        _, states = layer.run(tf.fill((1, 5), before), layer.initial_state(5))
        seconds = layer.run(tf.range(5)[None], states)[0][0].numpy()
        assert not np.isclose(firsts, seconds).any()
    assert layer.run(tf.constant([[0], [1]]), layer.initial_state(1))[1][0].numpy().tolist() == [[2, 1]]


SYMBOLS = st.one_of(st.integers(1, 400), st.integers(1, 0x110000))


@given(st.data(), SYMBOLS, st.integers(2, 5))
def test_a_row_is_in_the_table_and_all_compute_the_same(data, symbols, count):
    ngram = data.draw(st.lists(st.integers(0, symbols), min_size=count, max_size=count))
    row, rows = row_of(ngram, symbols), rows_of(count, symbols)  # in Python, whose numbers have no end
    assert 0 <= row < rows <= MOST
    for kind in (np.int32, tf.constant):
        assert int(row_of([kind(each) for each in ngram], symbols)) == row
    if rows < MOST:
        assert row == sum(each * (symbols + 1) ** place for place, each in enumerate(ngram))


@given(st.data(), SYMBOLS.filter(lambda symbols: symbols < MOST), st.integers(2, 5))
def test_another_character_in_one_place_or_another_order_is_another_row(data, symbols, count):
    ids = st.integers(0, symbols)
    ngram, place = data.draw(st.lists(ids, min_size=count, max_size=count)), data.draw(st.integers(0, count - 1))
    other, swapped = list(ngram), list(ngram)
    other[place] = data.draw(ids.filter(lambda each: each != ngram[place]))
    assert row_of(other, symbols) != row_of(ngram, symbols)
    swapped[place], swapped[place - 1] = swapped[place - 1], swapped[place]
    assert (row_of(swapped, symbols) == row_of(ngram, symbols)) == (swapped == ngram)


def test_hashed_ngrams_of_near_ids_have_rows_of_their_own():
    one, two = np.ogrid[:177, -176:177]
    assert np.flatnonzero(row_of([two, one], 2**15) == 0).tolist() == [176]  # of no difference alone
    one, two, three = np.ogrid[:28, -27:28, -27:28]
    assert np.flatnonzero(row_of([three, two, one], 2**15) == 0).tolist() == [27 * 55 + 27]
