"""How the tables of n-grams learn: of a table of many thousand rows, a step changes those that it has read.

Shapes in letters: R rows of a table, E its width, N rows read, U those among them that differ.
"""

import keras
import tensorflow as tf

RATE = 20.0  # in units of the optimizer's learning rate; from 10 to 60 the loss is the same
PERIOD = 16  # windows from one decay of all rows to the next


class RowUpdates:
    """Adagrad with one sum of squares for each row, and weight decay of all rows.

    A row w of a table with the gradient g, E wide, learns by s += mean(g^2), w -= 20 rate g / sqrt(s), where the rate
    is the optimizer's. A rare row thus makes large steps, and weight decay takes back what does not come again. What an
    optimizer of dense weights does, all rows and their momenta at every step, takes longer and comes to a higher loss.

    Each window is an update, where the optimizer accumulates gradients too.

    Args:
        tables: The weights, keras.Variables (R, E).

    Attributes:
        tables: As above.
        variables: The sums of squares, a keras.Variable (R,) for each table.

    Sources: J. Duchi et al., Adaptive subgradient methods, 2011; one sum for each row as in tables of recommenders: D.
    Mudigere et al., Software-hardware co-design for fast and scalable training of deep learning recommendation models,
    2022.
    """

    def __init__(self, tables):
        self.tables = list(tables)
        self.variables = [
            keras.Variable(tf.zeros(table.shape[:1], table.dtype), trainable=False, name="squares")
            for table in self.tables
        ]

    @staticmethod
    def collect(replicas):
        """Return the gradient of a table from those of the replicas, and its rows, each once.

        Args:
            replicas: List of tf.IndexedSlices (N, E), whose mean is the gradient.

        Returns:
            (U, E) and int32 (U,).
        """
        rows, places = tf.unique(tf.concat([each.indices for each in replicas], 0))
        values = tf.concat([each.values for each in replicas], 0)
        return tf.math.unsorted_segment_sum(values, places, tf.size(rows)) / len(replicas), rows

    def apply(self, gradients, rows, rates, decay, windows):
        """Update the tables.

        Args:
            gradients, rows: Of each table, as `collect` returned them.
            rates: The optimizer's learning rate, for each.
            decay: Share of a row that a window takes, in units of the rate.
            windows: Those on which the tables have learned before.
        """
        every = zip(self.tables, self.variables, gradients, rows, rates, strict=True)
        for table, squares, gradient, places, rate in every:
            sums = tf.gather(squares.value, places) + tf.reduce_mean(tf.square(gradient), 1)
            squares.value.scatter_update(tf.IndexedSlices(sums, places))
            step = RATE * tf.cast(rate, sums.dtype) * tf.math.divide_no_nan(gradient, tf.sqrt(sums)[:, None])
            table.value.scatter_sub(tf.IndexedSlices(step, places))
        if self.tables and decay:
            due = tf.equal(windows % PERIOD, PERIOD - 1)
            left = [(1 - tf.cast(rate, tf.float32) * decay) ** PERIOD for rate in rates]
            tf.cond(due, lambda: self._shrink(left), lambda: tf.no_op())

    def _shrink(self, left):
        for table, share in zip(self.tables, left, strict=True):
            table.value.assign(table.value * tf.cast(share, table.dtype))
        return tf.no_op()
