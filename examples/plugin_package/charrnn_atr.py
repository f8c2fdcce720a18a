"""A cell in a package of its own: `pip install .`, and any recipe may say `model: {cell: atr}`."""

from keras import ops

import keras_charrnn


@keras_charrnn.register_cell("atr")
class ATR(keras_charrnn.GatedCell):
    """Addition-subtraction twin-gated recurrence: one product of the input, one of the state, two gates made of both.

        p  = x W + b,  q = h U
        i  = sigmoid(p + q)         input
        f  = sigmoid(p - q)         forget
        h' = i p + f h

    Source: B. Zhang et al., Simplifying neural machine translation with addition-subtraction twin-gated recurrent
    networks, 2018.
    """

    gates = ("content",)
    states = ("h",)

    def combine(self, zx, zr, states):
        return {"h": ops.sigmoid(zx + zr) * zx + ops.sigmoid(zx - zr) * states["h"]}
