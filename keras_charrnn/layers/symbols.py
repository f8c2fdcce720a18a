"""What the first recurrent layer reads: ids that stand for rows of an embedding.

Shapes in letters: T time, B batch, D width of the embedding, H units, G gates, V symbols.
"""

from keras import ops


class Symbols:
    """The ids of a window, in the place of inputs (T, B, D).

    What is the same for every occurrence of a symbol is so made V times and not T*B times.

    Args:
        ids: int32 (T, B).
        embedding: float32 (V, D), or None for one-hot rows of V numbers.
        table: The input products of all symbols (V, G*H), as `Recurrent.table` makes them, where they are there
            already; else None.
    """

    def __init__(self, ids, embedding, table=None):
        self.ids, self.embedding, self.table = ids, embedding, table
        self.shape = ids.shape

    @property
    def few(self):
        """Whether there are at most as many symbols as ids, so that it pays to make something for each symbol."""
        time, batch = self.shape
        return self.embedding is None or self.embedding.shape[0] <= time * (batch or 1)

    def map(self, function):
        """Return the same ids with a function of the embedding's rows; of a table that is there, it has been made."""
        if self.embedding is None or self.table is not None:
            return self
        return Symbols(self.ids, function(self.embedding))

    def rows(self, symbols):
        """Return the inputs (T, B, D) themselves, one-hot ones of V `symbols` where there is no embedding."""
        if self.embedding is None:
            return ops.one_hot(self.ids, symbols)
        return ops.take(self.embedding, self.ids, axis=0)
