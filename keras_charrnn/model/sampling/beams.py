"""A search for the likeliest text, with several beginnings of it at a time.

Shapes in letters: N beams, V symbols.
"""

import dataclasses
import itertools
import math

import tensorflow as tf


@dataclasses.dataclass
class Beam:
    """A text that may be the likeliest.

    Attributes:
        ids: Of its new symbols.
        nats: Of each.
        ended: Why it goes no further; "" if it does.
    """

    ids: list
    nats: list
    ended: str = ""

    @property
    def mean(self):
        """Nats per symbol, by which texts of different lengths are compared."""
        return sum(self.nats) / max(1, len(self.nats))


def search(advance, last, states, own, length, count, ends):
    """Return the best `Beam` of those that have ended or are as long as they may be.

    Args:
        advance: Compiled function (last, states, own, sums) -> (sums, nats, parents, symbols, ended, states, own): of
            the N beginnings of least nats, each with one symbol more, the sums of their nats, those of the symbols,
            which beams they go on with, and the symbols; which of the beams nothing may follow; and their states.
        last: int32 (N,): the last symbol of each beam, all the same.
        states, own: Of the model and the samplers, N rows each.
        length: Most new symbols.
        count: N.
        ends: Function of the ids of a beam: whether it has come to its end.
    """
    beams, finished = [Beam([], [])] + [None] * (count - 1), []
    sums = tf.constant([0.0] + [math.inf] * (count - 1))
    for _ in range(length):
        sums, nats, parents, symbols, over, states, own = advance(last, states, own, sums)
        finished += [dataclasses.replace(beam, ended="pattern") for beam in itertools.compress(beams, over) if beam]
        grown = []
        for total, own_nats, parent, symbol in zip(
            *(each.numpy() for each in (sums, nats, parents, symbols)), strict=True
        ):
            before = beams[parent] if math.isfinite(total) else None
            beam = before and Beam([*before.ids, int(symbol)], [*before.nats, float(own_nats)])
            if beam and ends(beam.ids):
                finished.append(dataclasses.replace(beam, ended="stop"))
                beam = None
            grown.append(beam)
        beams, last = grown, symbols
        sums = tf.where([beam is not None for beam in beams], sums, math.inf)
        alive = [sum(beam.nats) for beam in beams if beam]
        # Were all that may follow certain, one that goes on would come to this many nats per symbol.
        if not alive or (finished and min(alive) / length >= min(beam.mean for beam in finished)):
            break
    else:
        finished += [dataclasses.replace(beam, ended="length") for beam in beams if beam]
    return min(finished, key=lambda beam: beam.mean)
