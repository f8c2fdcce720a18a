"""Zoneout.

Shapes in letters: T time, B batch, H units.
"""

from collections.abc import Mapping

import keras
from keras import ops

from keras_charrnn.cells.recurrent_dropout import RecurrentDropout
from keras_charrnn.cells.wrapper import CellWrapper
from keras_charrnn.engine import noise as noises
from keras_charrnn.errors import CellError


@keras.saving.register_keras_serializable(package="keras_charrnn")
class Zoneout(CellWrapper):
    """Lets a share of the entries of a cell's states keep their old values, others at each step.

        s' = m s + (1 - m) cell(s),  m = 1 with the probability `rate`      in training
        s' = rate s + (1 - rate) cell(s)                                    otherwise

    Each state has masks of its own. A cell whose states only mean something together (the normaliser and stabiliser of
    sLSTM) should have the rate on its first state alone: `rate={"h": 0.1}`.

    Args:
        cell: A `GatedCell`.
        rate: For all states, or a mapping from the names of some of them to their rates.

    Raises:
        CellError: If the rate names a state that the cell does not have, or `cell` is a `RecurrentDropout`, which goes
            outside.

    Source: D. Krueger et al., Zoneout: regularizing RNNs by randomly preserving hidden activations, 2017.
    """

    def __init__(self, cell, rate, **kwargs):
        if isinstance(cell, RecurrentDropout):
            raise CellError("Zoneout goes inside: RecurrentDropout(Zoneout(cell, rate), rate)")
        super().__init__(cell, dict(rate) if isinstance(rate, Mapping) else rate, **kwargs)
        if isinstance(rate, Mapping) and (unknown := set(rate) - set(self.states)):
            raise CellError(
                f"Zoneout: the rate names {', '.join(map(repr, sorted(unknown)))}, but the states of "
                f"{type(cell).__name__} are {', '.join(self.states)}"
            )

    def _rates(self):
        return list(self.rate.values()) if isinstance(self.rate, Mapping) else [self.rate]

    def _rate(self, state):
        return self.rate.get(state, 0.0) if isinstance(self.rate, Mapping) else self.rate

    def draw_noise(self, seed, start, steps, batch_size):
        inner = self.draw_inner(seed, start, steps, batch_size)
        own, masks = noises.fold_in(noises.fold_in(seed, -1), start), []
        for index, state in enumerate(self.states):
            shape = (steps, batch_size, self.units)
            rate = self._rate(state)
            drawn = ops.unstack(noises.chances(shape, rate, noises.fold_in(own, index))) if rate else [None] * steps
            masks.append(drawn)
        return list(zip(inner, zip(*masks, strict=True), strict=True))

    def combine(self, zx, zr, states, training, seed=None, noise=None):
        inner, masks = (None, [None] * len(states)) if noise is None else noise
        output, new = self.run_inner(zx, zr, states, training, seed, inner)
        mixed = {}
        for (name, after), mask in zip(new.items(), masks, strict=True):
            before, rate = states[name], self._rate(name)
            if not rate:
                mixed[name] = after
            elif mask is None:
                mixed[name] = rate * before + (1 - rate) * after
            else:
                mixed[name] = ops.where(mask, before, after)
        return mixed if output is new[self.states[0]] else {**mixed, "output": output}
