"""The multiplicative long short-term memory."""

from keras import ops

from keras_charrnn.cells.initial import fresh
from keras_charrnn.cells.modulated_lstm import ModulatedLSTM
from keras_charrnn.registry import register_cell


@register_cell("multiplicative_lstm")
class MultiplicativeLSTM(ModulatedLSTM):
    """Multiplicative LSTM: each character has, in effect, a recurrent matrix of its own.

        m  = (x Wm) (h Um)
        i  = sigmoid(x Wi + m Ui + bi)      input
        f  = sigmoid(x Wf + m Uf + bf)      forget
        g  = tanh(x Wg + m Ug + bg)         candidate
        o  = sigmoid(x Wo + m Uo + bo)      output
        c' = f c + i g
        h' = o tanh(c')

    The paper writes h' = tanh(o c'); the usual order is that of its later users (A. Radford et al., Learning to
    generate reviews and discovering sentiment, 2017).

    Weights: `multiplicative_kernel` Wm (D, H), `multiplicative_recurrent_kernel` Um (H, H), and those of the LSTM
    within, in its gate order: input, forget, candidate, output. Kernels on x start from Glorot's uniform distribution,
    those on h and m orthogonal, the bias zero but for 1 at the forget gate, so that the cell remembers at first.

    Args:
        units: H.
        activation: In place of tanh.
        recurrent_activation: In place of the sigmoid.

    Source: B. Krause et al., Multiplicative LSTM for sequence modelling, 2016.
    """

    def build(self, input_shape):
        super().build(input_shape)
        self.multiplicative_kernel = self.add_weight(
            shape=(input_shape[-1], self.units),
            initializer=fresh(self.lstm.kernel_initializer),
            name="multiplicative_kernel",
        )
        self.multiplicative_recurrent_kernel = self.add_weight(
            shape=(self.units, self.units),
            initializer=fresh(self.lstm.recurrent_initializer),
            name="multiplicative_recurrent_kernel",
        )

    def modulate(self, inputs, h):
        m = ops.matmul(inputs, self.multiplicative_kernel) * ops.matmul(h, self.multiplicative_recurrent_kernel)
        return inputs, m
