"""Samples of many who come and go, made side by side: each is what `Generator.samples` would have made of it alone.

Shapes in letters: B rows side by side, V symbols, T symbols of a block.
"""

import functools
import json

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.generation import Generator, block_of, tensors_of
from keras_charrnn.model.sampling import Growing
from keras_charrnn.model.sampling.loop import draw
from keras_charrnn.model.shapes import at_least

STEPS = 32  # T: rows join and leave between two blocks
ROWS = (1, 8, 64)  # B, each compiled once; more than the last wait


class Request:
    """One who wants text.

    Args:
        generator: The `Generator` of the model.
        tell: Called with a list of news, an item for each sample in a block: (number of the sample, further text, its
            symbols, nats of each of these, why it has ended or "").
        prefix, length, stop, num_samples, settings: As in `Generator.samples`.

    Attributes:
        cancelled: Set to end it.

    Raises:
        SettingsError, VocabularyError: As `Generator.samples`.
    """

    def __init__(self, generator, tell, prefix="", length=400, stop=None, num_samples=1, **settings):
        if settings.get("beams") is not None:
            raise SettingsError("beams search for one text, and are not made side by side; leave them out")
        self.sampling, stops, (self.ids,) = generator.check([prefix], length, stop, settings)
        self.tell, self.length, self.count, self.cancelled = tell, length, num_samples, False
        vocabulary = generator.vocabulary
        samplers = self.sampling.samplers_for(vocabulary)
        rules = {name: value for name, value in settings.items() if name != "seed"}
        # Rows of one call have the same rules; of some the state has the length in it.
        bound = length if self.sampling.is_constrained or settings.get("no_repeat") else None
        self.kind = json.dumps([rules, bound], sort_keys=True, default=str)
        self.samplers = samplers
        self.grown = [Growing(vocabulary, stops) for _ in range(num_samples)]
        self._size = block_of(num_samples, len(vocabulary))
        self._generator, self._noise, self._block = generator, None, -1

    def noise(self, made):
        """Return the noise of the next block of symbols after so many, (T, samples, V)."""
        pieces, left = [], STEPS
        while left:
            block, begin = divmod(made, self._size)
            if block != self._block:
                self._noise = self._generator.noise(self.sampling, self._size, self.count, block).numpy()
                self._block = block
            piece = self._noise[begin : begin + left]
            pieces.append(piece)
            made, left = made + len(piece), left - len(piece)
        return np.concatenate(pieces)


class _Row:
    """One sample of a request."""

    def __init__(self, request, number):
        self.request, self.number = request, number
        self.made, self.told, self.ids, self.nats = 0, 0, [], []

    @property
    def grown(self):
        return self.request.grown[self.number]

    def take(self, ids, nats, vocabulary):
        """Take a block; return the news of it."""
        left = self.request.length - self.made
        ids, nats = ids[:left], nats[:left]
        self.made += len(ids)
        figures = np.stack([nats, np.zeros_like(nats)], -1)
        text = self.grown.add(ids, figures, self.made >= self.request.length)
        kept = ids[ids >= 0]
        self.ids += kept.tolist()
        self.nats += nats[: len(kept)].tolist()
        ends = np.cumsum(vocabulary.lengths[np.array(self.ids, np.int64)]) if self.ids else np.zeros(0)
        certain = int(np.searchsorted(ends, self.grown.certain, side="right"))
        begin, self.told = self.told, max(self.told, certain)
        return self.number, text, self.ids[begin : self.told], self.nats[begin : self.told], self.grown.ended


class Crowd:
    """The rows of one model that are being made. To be used by one thread.

    Args:
        model: As `Generator` takes it.
    """

    def __init__(self, model):
        self._model, self.generator = model, Generator(model)
        self._groups = {}

    @property
    def rows(self):
        """How many rows there are."""
        return sum(len(group.rows) for group in self._groups.values())

    def warm_up(self):
        """Compile what most requests take."""
        for rows in ROWS:
            self.join([Request(self.generator, lambda news: None, "", STEPS, temperature=0.8) for _ in range(rows)])
            self.step()

    def join(self, requests):
        """Let requests begin, those of one kind together."""
        kinds = {}
        for each in requests:
            kinds.setdefault(each.kind, []).append(each)
        for kind, several in kinds.items():
            if kind not in self._groups:
                self._groups[kind] = _Group(self._model, self.generator, several[0].samplers)
            self._groups[kind].join(several)

    def step(self):
        """Make the next block of all rows, and tell their requests."""
        for kind, group in list(self._groups.items()):
            group.step()
            if not group.rows:
                del self._groups[kind]

    def clear(self):
        """Let all rows go; return their requests."""
        found = {id(row.request): row.request for group in self._groups.values() for row in group.rows}
        self._groups = {}
        return list(found.values())


class _Group:
    """Rows that are drawn by the same rules."""

    def __init__(self, model, generator, samplers):
        self._model, self._generator, self._samplers = model, generator, samplers
        self.rows, self._state = [], None
        self._numbers = [tensors_of(each.numbers) for each in samplers]
        self._run = functools.partial(
            generator.run,
            ("crowd", *(each.key for each in samplers)),
            body=functools.partial(draw, model, samplers, True),
        )

    def join(self, requests):
        for request in requests:
            rows = [_Row(request, number) for number in range(request.count)]
            if request.length == 0:
                request.tell(
                    [row.take(np.zeros(0, np.int64), np.zeros(0, np.float32), self._vocabulary) for row in rows]
                )
        requests = [each for each in requests if each.length]
        for begin in range(0, len(requests), ROWS[-1]):
            part = requests[begin : begin + ROWS[-1]]
            wide = at_least(len(part), ROWS)
            ids = [each.ids for each in part]
            found = self._generator.begin(ids, wide, max(each.length for each in part), self._samplers)
            arrays = [each.numpy()[: len(part)] for each in tf.nest.flatten(found)]
            counts = [each.count for each in part]
            arrays = [np.repeat(each, counts, 0) for each in arrays]
            self._like = found
            self._state = arrays if self._state is None else [
                np.concatenate(each) for each in zip(self._state, arrays, strict=True)
            ]  # fmt: skip
            self.rows += [_Row(each, number) for each in part for number in range(each.count)]

    @property
    def _vocabulary(self):
        return self._model.vocabulary

    def step(self):
        self._leave()
        if not self.rows:
            return
        for begin in range(0, len(self.rows), ROWS[-1]):
            self._step(slice(begin, min(len(self.rows), begin + ROWS[-1])))

    def _step(self, part):
        rows = self.rows[part]
        wide, count = at_least(len(rows), ROWS), len(rows)
        state = [np.concatenate([each[part], *[each[part][-1:]] * (wide - count)]) for each in self._state]
        last, states, own = tf.nest.pack_sequence_as(self._like, [tf.constant(each) for each in state])
        noise = np.zeros((STEPS, wide, len(self._vocabulary)), np.float32)
        drawn = {}
        for place, row in enumerate(rows):
            at = id(row.request), row.made
            if at not in drawn:
                drawn[at] = row.request.noise(row.made)
            noise[:, place] = drawn[at][:, row.number]
        made, *after, figures = self._run(last, states, own, tf.constant(STEPS), tf.constant(noise), self._numbers)
        ids, nats = made.numpy().T, figures[0].numpy().T
        for whole, now in zip(self._state, tf.nest.flatten(after), strict=True):
            whole[part] = now.numpy()[:count]
        news = {}
        for place, row in enumerate(rows):
            item = row.take(ids[place], nats[place], self._vocabulary)
            news.setdefault(id(row.request), (row.request, []))[1].append(item)
        for request, items in news.values():
            request.tell(items)

    def _leave(self):
        kept = [place for place, row in enumerate(self.rows) if not (row.grown.ended or row.request.cancelled)]
        if len(kept) < len(self.rows):
            self.rows = [self.rows[place] for place in kept]
            self._state = [each[kept] for each in self._state]
