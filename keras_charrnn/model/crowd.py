"""Samples of many who come and go, made side by side: each is what `Generator.samples` would have made of it alone.

Shapes in letters: B rows side by side, V symbols, T symbols of a block.
"""

import functools
import json
import time

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.generation import Generator, block_of, tensors_of
from keras_charrnn.model.sampling import Growing
from keras_charrnn.model.sampling.loop import draw
from keras_charrnn.model.shapes import at_least

STEPS = 32, 256  # T: rows join and leave between two blocks; those that have begun are made in longer ones
LONGEST = 0.15  # seconds of a longer block, for which one who comes waits
ROWS = (1, 8, 64)  # B, each compiled once; more than the last wait


class Request:
    """One who wants text.

    Args:
        generator: The `Generator` of the model.
        tell: Called with a list of news, an item for each sample in a block: (number of the sample, further text, its
            symbols, nats of each of these, why it has ended or ""). Without `scored` there are no nats.
        scored: Whether to tell nats.
        prefix, length, stop, num_samples, settings: As in `Generator.samples`.

    Attributes:
        cancelled: Set to end it.
        failed: Called with an error that has ended it.

    Raises:
        SettingsError, VocabularyError: As `Generator.samples`.
    """

    def __init__(self, generator, tell, prefix="", length=400, stop=None, num_samples=1, scored=False, **settings):
        if settings.get("beams") is not None:
            raise SettingsError("beams search for one text, and are not made side by side; leave them out")
        self.sampling, stops, (self.ids,) = generator.check([prefix], length, stop, settings)
        self.tell, self.length, self.count, self.cancelled = tell, length, num_samples, False
        self.failed = lambda error: None
        vocabulary = generator.vocabulary
        samplers = self.sampling.samplers_for(vocabulary)
        rules = {name: value for name, value in settings.items() if name != "seed"}
        # Rows of one call have the same rules, and states of the same shapes, made for one length; what a rule refuses
        # it refuses here.
        own = tf.nest.flatten([each.start([self.ids], 1, length, vocabulary) for each in samplers])
        alike = [rules, length if own else None, [each.shape[1:].as_list() for each in own], scored]
        self.kind = json.dumps(alike, sort_keys=True, default=str)
        self.samplers, self.scored = samplers, scored
        self.grown = [Growing(vocabulary, stops) for _ in range(num_samples)]
        self.size = block_of(num_samples, len(vocabulary))
        self._generator, self._noise, self._block = generator, None, -1

    def noise(self, made, count):
        """Return the noise of so many symbols after those that have been made, (count, samples, V)."""
        pieces, left = [], count
        while left:
            block, begin = divmod(made, self.size)
            if block != self._block:
                self._noise = self._generator.noise(self.sampling, self.size, self.count, block).numpy()
                self._block = block
            piece = self._noise[begin : begin + left]
            pieces.append(piece)
            made, left = made + len(piece), left - len(piece)
        return np.concatenate(pieces)

    def piece(self, made):
        """Return where the noise of one sample goes on after so many symbols: the seed of a block, a place in it."""
        block, begin = divmod(made, self.size)
        return (self.sampling.seed, block), begin


class _Row:
    """One sample of a request."""

    def __init__(self, request, number):
        self.request, self.number = request, number
        # Symbols, and characters, of those that have been told; and what is made and not yet told.
        self.made, self.told, self.ids, self.nats = 0, 0, np.zeros(0, np.int64), np.zeros(0)

    @property
    def grown(self):
        return self.request.grown[self.number]

    def take(self, ids, nats, vocabulary):
        """Take a block, its nats None where nobody asks for them; return the news of it."""
        left = self.request.length - self.made
        ids, figures = ids[:left], None
        self.made += len(ids)
        if nats is not None:
            nats = nats[:left]
            figures = np.stack([nats, np.zeros_like(nats)], -1)
        text = self.grown.add(ids, figures, self.made >= self.request.length)
        kept = int(np.argmax(ids < 0)) if len(ids) and ids.min() < 0 else len(ids)
        self.ids = np.concatenate([self.ids, ids[:kept]])
        self.nats = self.nats if nats is None else np.concatenate([self.nats, nats[:kept]])
        if vocabulary.is_of_characters:
            certain = min(len(self.ids), self.grown.certain - self.told)
            self.told += certain
        else:
            ends = np.cumsum(vocabulary.lengths[self.ids]) + self.told
            certain = int(np.searchsorted(ends, self.grown.certain, side="right"))
            self.told = int(ends[certain - 1]) if certain else self.told
        ids, self.ids = self.ids[:certain], self.ids[certain:]
        nats, self.nats = self.nats[:certain], self.nats[certain:]
        return self.number, text, ids.tolist(), nats.tolist(), self.grown.ended


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
        return sum(len(group.rows) for group in list(self._groups.values()))  # of another thread than works here

    def warm_up(self):
        """Compile what most requests take."""
        prefix = self.generator.vocabulary.decode([0, 0, 0, 0])
        for rows in ROWS:
            self.join([Request(self.generator, lambda news: None, prefix, sum(STEPS)) for _ in range(rows)])
            while self.rows:
                self.step()

    def join(self, requests):
        """Let requests begin, those of one kind together; one kind that cannot is no other's loss."""
        kinds = {}
        for each in requests:
            kinds.setdefault(each.kind, []).append(each)
        for kind, several in kinds.items():
            if kind not in self._groups:
                self._groups[kind] = _Group(self._model, self.generator, several[0])
            try:
                self._groups[kind].join(several)
            except Exception as error:
                self._fail(kind, error, several)

    def step(self):
        """Make the next block of all rows, and tell their requests."""
        for kind, group in list(self._groups.items()):
            try:
                group.step()
            except Exception as error:
                self._fail(kind, error)
                continue
            if not group.rows:
                del self._groups[kind]

    def _fail(self, kind, error, joining=()):
        """Let the rows of a kind go, and tell their requests why."""
        group = self._groups.pop(kind)
        for each in {id(each): each for each in [*joining, *(row.request for row in group.rows)]}.values():
            each.cancelled = True
            each.failed(error)


class _Group:
    """Rows that are drawn by the same rules."""

    def __init__(self, model, generator, request):
        self._model, self._generator, self._scored = model, generator, request.scored
        self._samplers = samplers = request.samplers
        self.rows, self._state, self._pace = [], None, {}  # and seconds of a step, by the number of rows
        self._numbers = [tensors_of(each.numbers) for each in samplers]
        self._run = functools.partial(
            generator.run,
            ("crowd", self._scored, *(each.key for each in samplers)),
            body=functools.partial(draw, model, samplers, self._scored),
        )

    def join(self, requests):
        for request in requests:
            if request.length == 0:
                rows = [_Row(request, number) for number in range(request.count)]
                request.tell([row.take(np.zeros(0, np.int64), None, self._vocabulary) for row in rows])
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
        is_long = all(row.made for row in rows)  # who has just begun waits for a short block
        steps, began = STEPS[is_long and STEPS[1] * self._pace.get(wide, 0.0) < LONGEST], time.perf_counter()
        # No block goes beyond one of the noise, nor beyond what all rows have left.
        within = min(row.request.size - row.made % row.request.size for row in rows)
        left = max(row.request.length - row.made for row in rows)
        made_now = min(steps, within, -(-left // STEPS[0]) * STEPS[0])
        noise = self._noise(rows, steps, wide)
        made, *after, figures = self._run(last, states, own, tf.constant(made_now), noise, self._numbers)
        ids = made.numpy()[:made_now].T
        nats = figures[0].numpy()[:made_now].T if self._scored else [None] * count
        self._pace[wide] = (time.perf_counter() - began) / made_now
        for whole, now in zip(self._state, tf.nest.flatten(after), strict=True):
            whole[part] = now.numpy()[:count]
        news = {}
        for place, row in enumerate(rows):
            item = row.take(ids[place], nats[place], self._vocabulary)
            news.setdefault(id(row.request), (row.request, []))[1].append(item)
        for request, items in news.values():
            request.tell(items)

    def _noise(self, rows, steps, wide):
        """Return what is added to the logits of some rows, (T, wide, V)."""
        symbols = len(self._vocabulary)
        if rows[0].request.sampling.greedy:
            return tf.zeros((steps, wide, symbols))
        if all(row.request.count == 1 and row.request.size % STEPS[0] == 0 for row in rows):
            pieces = [row.request.piece(row.made) for row in rows]
            pieces += pieces[-1:] * (wide - len(rows))
            seeds, begins = zip(*pieces, strict=True)
            found = self._generator.pieces_of_noise(seeds, [each * symbols for each in begins], steps * symbols)
            return tf.transpose(tf.reshape(found, (wide, steps, symbols)), (1, 0, 2))
        noise, drawn = np.zeros((steps, wide, symbols), np.float32), {}
        for place, row in enumerate(rows):
            at = id(row.request), row.made
            if at not in drawn:
                drawn[at] = row.request.noise(row.made, steps)
            noise[:, place] = drawn[at][:, row.number]
        return tf.constant(noise)

    def _leave(self):
        kept = [place for place, row in enumerate(self.rows) if not (row.grown.ended or row.request.cancelled)]
        if len(kept) < len(self.rows):
            self.rows = [self.rows[place] for place in kept]
            self._state = [each[kept] for each in self._state]
