"""The scalar long short-term memory of the xLSTM."""

import keras
from keras import ops

from keras_charrnn.cells.base import GatedCell
from keras_charrnn.errors import CellError
from keras_charrnn.registry import register_cell

FORGET_GATES = ("sigmoid", "exponential")
NOTHING = -1e30  # logarithm of a memory that is empty: finite, but below any gate's


@register_cell("slstm")
class SLSTM(GatedCell):
    """Scalar LSTM of the xLSTM: an exponential input gate, and a memory divided by the sum of its weights.

        i  = exp(x Wi + h Ui + bi)                   input
        f  = sigmoid or exp(x Wf + h Uf + bf)        forget
        g  = tanh(x Wg + h Ug + bg)                  candidate
        o  = sigmoid(x Wo + h Uo + bo)               output
        c' = f c + i g
        n' = f n + i
        h' = o c' / n'

    c'/n' is a mean of all candidates so far, and a late one can outweigh all before it. Neither gate is computed as it
    stands, since exp overflows: c and n are stored divided by exp(m), with m the larger of the two logarithms,

        m' = max(log f + m, log i),    c' = exp(log f + m - m') c + exp(log i - m') g,    n' likewise,

    which leaves h' as it is. One of the two weights is then 1, so that n is at least 1 after any step. The states h, c
    and n start from zero and m from -1e30, so that the first step is exactly h' = o g.

    Gate order in the weights: input, forget, candidate, output. The recurrent kernel is one full matrix, in the paper's
    words a single head; the block of the paper around the cell (convolution, group normalisation, projections) is not
    a part of it. The kernel starts from Glorot's uniform distribution, the recurrent kernel orthogonal, the bias zero
    but for 1 at a sigmoid forget gate, so that the cell remembers at first; an exponential one forgets nothing at zero.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the output gate's sigmoid.
        forget_gate: "sigmoid" or "exponential".

    Raises:
        CellError: If `forget_gate` is neither.

    Source: M. Beck et al., xLSTM: extended long short-term memory, 2024.
    """

    gates = ("input", "forget", "candidate", "output")
    states = ("h", "c", "n", "m")

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        forget_gate="sigmoid",
        bias_initializer=None,
        **kwargs,
    ):
        if forget_gate not in FORGET_GATES:
            raise CellError(f"SLSTM: forget_gate must be 'sigmoid' or 'exponential'; received {forget_gate!r}")
        if bias_initializer is None:
            bias_initializer = {"forget": "ones"} if forget_gate == "sigmoid" else "zeros"
        super().__init__(units, bias_initializer=bias_initializer, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.forget_gate = forget_gate

    def combine(self, zx, zr, states):
        log_i, f, g, o = ops.split(zx + zr, 4, axis=-1)
        log_kept = (ops.log_sigmoid(f) if self.forget_gate == "sigmoid" else f) + states["m"]
        m = ops.maximum(log_kept, log_i)
        kept, new = ops.exp(log_kept - m), ops.exp(log_i - m)
        c = kept * states["c"] + new * self.activation(g)
        n = kept * states["n"] + new
        return {"h": self.recurrent_activation(o) * c / n, "c": c, "n": n, "m": m}

    def get_initial_state(self, batch_size=None):
        h, c, n, m = super().get_initial_state(batch_size)
        return [h, c, n, m + NOTHING]

    def get_config(self):
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(self.recurrent_activation),
            "forget_gate": self.forget_gate,
        }
