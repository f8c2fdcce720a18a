"""The mogrifier long short-term memory."""

import itertools

from keras import ops

from keras_charrnn.cells.base import require_whole
from keras_charrnn.cells.initial import fresh
from keras_charrnn.cells.modulated_lstm import ModulatedLSTM
from keras_charrnn.registry import register_cell


@register_cell("mogrifier_lstm")
class MogrifierLSTM(ModulatedLSTM):
    """Mogrifier LSTM: input and state gate each other in rounds before they enter an LSTM.

        x <- 2 sigmoid(h Q1) x,    h <- 2 sigmoid(x Q2) h,    x <- 2 sigmoid(h Q3) x,    ...
        h', c' = LSTM(x, h, c)

    Each round uses what the one before it made; odd rounds change x (D), even ones h (H). Without rounds it is `LSTM`.

    Weights: `mogrifier_kernels`, for each round Q (H, D) or (D, H), or with a rank R two factors of it, (H, R) and
    (R, D) or (D, R) and (R, H); then those of the LSTM within, in its gate order: input, forget, candidate, output. The
    kernels Q start from Glorot's uniform distribution: their products are near 0 then, the gates 2 sigmoid near 1, and
    the cell begins near an LSTM. The LSTM starts as `LSTM` does, with 1 as the bias of the forget gate.

    Args:
        units: H.
        rounds: How often x and h are gated in all, 0 or more.
        rank: R, or None for whole matrices.
        activation: In place of the LSTM's tanh.
        recurrent_activation: In place of the LSTM's sigmoid.

    Raises:
        CellError: If `rounds` or `rank` is out of its range.

    Source: G. Melis et al., Mogrifier LSTM, 2020.
    """

    def __init__(self, units, rounds=5, rank=None, **kwargs):
        super().__init__(units, **kwargs)
        require_whole(self, "rounds", rounds, 0)
        if rank is not None:
            require_whole(self, "rank", rank, 1)
        self.rounds, self.rank = rounds, rank

    def build(self, input_shape):
        super().build(input_shape)
        self.mogrifier_kernels = [self._make_kernels(number, input_shape[-1]) for number in range(self.rounds)]

    def _make_kernels(self, number, width):
        """Make Q of a round, or its factors: from h to x in the first, third, ... round, from x to h in the others."""
        ends = [self.units, width] if number % 2 == 0 else [width, self.units]
        sizes = ends if self.rank is None else [ends[0], self.rank, ends[1]]
        return [
            self.add_weight(shape=shape, initializer=fresh(self.lstm.kernel_initializer), name=f"mogrifier_{number}")
            for shape in itertools.pairwise(sizes)
        ]

    def modulate(self, inputs, h):
        for number, kernels in enumerate(self.mogrifier_kernels):
            gate = h if number % 2 == 0 else inputs
            for kernel in kernels:
                gate = ops.matmul(gate, kernel)
            gate = 2 * ops.sigmoid(gate)
            inputs, h = (gate * inputs, h) if number % 2 == 0 else (inputs, gate * h)
        return inputs, h

    def get_config(self):
        return {**super().get_config(), "rounds": self.rounds, "rank": self.rank}
