"""What the cells have in common that change what a long short-term memory is given.

Shapes in letters: B batch, D width of the input, H units.
"""

from keras_charrnn.cells.base import RecurrentCell
from keras_charrnn.cells.lstm import LSTM


class ModulatedLSTM(RecurrentCell):
    """An LSTM that sees other inputs and another state h than it is given; its memory c stays as it is.

    A subclass has `modulate(inputs, h) -> inputs, h`. The products in it depend on the state, so that the cell is a
    `RecurrentCell`; `lstm` is the `LSTM` within.

    Args:
        units: H.
        activation, recurrent_activation, kernel_initializer, recurrent_initializer, bias_initializer: Of the LSTM. The
            subclass starts its own kernels on the inputs and on h with the same initializers.
    """

    def __init__(
        self,
        units,
        activation="tanh",
        recurrent_activation="sigmoid",
        kernel_initializer="glorot_uniform",
        recurrent_initializer="orthogonal",
        bias_initializer=None,
        **kwargs,
    ):
        super().__init__(units, **kwargs)
        self.lstm = LSTM(
            units,
            activation=activation,
            recurrent_activation=recurrent_activation,
            kernel_initializer=kernel_initializer,
            recurrent_initializer=recurrent_initializer,
            bias_initializer=bias_initializer,
            dtype=self.dtype_policy,
            name="lstm",
        )
        self.state_size = [units, units]

    def build(self, input_shape):
        self.lstm.build(input_shape)
        self.built = True

    def modulate(self, inputs, h):
        raise NotImplementedError(f"{type(self).__name__} needs the method modulate(inputs, h)")

    def call(self, inputs, states, training=False):
        h, c = states
        inputs, h = self.modulate(inputs, h)
        return self.lstm(inputs, [h, c], training=training)

    def get_config(self):
        return {**self.lstm.get_config(), **super().get_config()}
