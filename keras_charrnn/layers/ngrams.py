"""What the n-grams of characters, pairs to fives, add to the embedding of the last of them.

Shapes in letters: T time, B batch, E width of the embedding, V symbols, N characters of an n-gram, R rows of a table.
"""

import keras
import tensorflow as tf
from keras import ops

from keras_charrnn.layers.carrying import CarriesStates

NAMES = {2: "pairs", 3: "triples", 4: "fours", 5: "fives"}  # of the tables, by N
# The largest prime below 2 ** 15, and a factor by which n-grams of near ids are far apart modulo it, from a search.
MOST, FACTOR = 32749, 2961


def rows_of(count, symbols):
    """Return R, the number of rows of the table for n-grams of so many of V symbols."""
    return min((symbols + 1) ** count, MOST)


def row_of(ngram, symbols):
    """Return the row of each n-gram in its table: an n-gram is a number whose digits are its ids, modulo R.

    The base is V + 1 where each n-gram has a row of its own. Where some share one, it is 2961: those that differ in one
    place alone do not, nor pairs whose ids differ by less than 177 in both places, nor triples by less than 28 in all.
    No number in between is above 2 ** 31, so that every machine and format counts alike.

    Args:
        ngram: The N ids + 1, the last one first, 0 for none; int32 tensors or arrays of one shape.
        symbols: V, below 2 ** 21.
    """
    rows = rows_of(len(ngram), symbols)
    base = FACTOR if rows == MOST else symbols + 1
    row = 0
    for digit in reversed(ngram):
        row = (row * base + digit) % rows
    return row


class NGrams(CarriesStates, keras.layers.Layer):
    """Looks up each character in tables of the n-grams that it ends: B2[x', x] + B3[x'', x', x] + ...

    The tables start from zeros. Its state is the characters before: float32 (B, N - 1), each the id + 1, the last one
    first, 0 for none, as before the beginning of a text. N-grams with none have rows of their own.

    Args:
        symbols: V.
        order: The largest N, 2 to 5.
        width: E.

    Attributes:
        tables: The weights (R, E), one for each N, which learn as `model.row_updates` has it.
    """

    def __init__(self, symbols, order, width, **kwargs):
        super().__init__(**kwargs)
        self.symbols, self.order, self.width = symbols, order, width
        self.tables = []

    def build(self, input_shape):
        for count in range(2, self.order + 1):
            shape = (rows_of(count, self.symbols), self.width)
            # Not for Keras's optimizers, which would go over all rows at every step.
            self.tables.append(self.add_weight(shape=shape, initializer="zeros", trainable=False, name=NAMES[count]))
        self.built = True

    def compute_output_shape(self, input_shape):
        return (*input_shape, self.width)

    def initial_state(self, batch_size):
        """Return the state before the first character, a list of one tensor."""
        return [ops.zeros((batch_size, self.order - 1), self.variable_dtype)]

    def run(self, ids, states, marks=None):
        """Run over a window.

        Args:
            ids: int32 (T, B).
            states: List of the state.
            marks: bool (T, B), true at the steps before which a row returns to the initial state; None for none.

        Returns:
            The sums of rows (T, B, E), and the list of the new state.
        """
        before = ops.cast(states[0], "int32")
        ngram = [ids + 1]
        for place in range(self.order - 1):
            # What came so many characters earlier: at a step what was one character nearer at the step before.
            earlier = ops.concatenate([before[None, :, place], ngram[-1][:-1]], axis=0)
            ngram.append(earlier if marks is None else ops.where(marks, 0, earlier))
        tables = enumerate(self.tables, start=2)
        # Not `ops.take`: it would read the whole table, of which TensorFlow makes a copy once rows of it are written.
        rows = [tf.gather(table.value, row_of(ngram[:count], self.symbols)) for count, table in tables]
        after = ops.stack([each[-1] for each in ngram[:-1]], axis=1)
        return sum(rows), [ops.cast(after, self.variable_dtype)]
