"""Text from a model: drawn or searched for in a compiled loop, by the samplers of `keras_charrnn.samplers`.

Shapes in letters: B samples made side by side, T symbols, V symbols of the vocabulary, N beams.
"""

import functools
import warnings

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.reading import consume, read_prefixes
from keras_charrnn.model.sampling import Growing, Sampling, Stops, search
from keras_charrnn.model.sampling.base import is_whole, require
from keras_charrnn.model.sampling.loop import advance, draw, gumbel, gumbel_pieces
from keras_charrnn.model.shapes import ROWS, at_least
from keras_charrnn.text.vocabularies.base import DOCUMENT, LINE_END

BLOCK = 1024  # most symbols made by one call of the compiled loop; the noise of a block is drawn at once
NOISE = 2**22  # most random numbers in a block: 16 MB
MOST_ROWS = 1024  # samples that are made side by side


class Generator:
    """Makes text with a model, and keeps its compiled loops.

    Args:
        model: A `CharRNN`, or what has its `vocabulary`, `initial_states`, `read`, `table` and `step`.
    """

    def __init__(self, model):
        self._model = model
        self._functions = {}
        self._draw = tf.function(gumbel, autograph=False)
        self._draw_pieces = tf.function(gumbel_pieces, autograph=False)

    @property
    def vocabulary(self):
        """That of the model."""
        return self._model.vocabulary

    def generate(self, prefix="", length=400, num_samples=1, stop=None, **settings):
        """Return the prefix and new characters.

        Args:
            prefix: Text that is fed through the state first, and is the beginning of what is returned. Without one the
                model starts as after a line end (or its first symbol), which is not returned. One with
                `fresh_documents` starts as at the beginning of a document, with or without a prefix.
            length: Most new symbols, which are characters unless the vocabulary is of another unit.
            num_samples: B, how many texts to make side by side.
            stop: Text before which to end, where it comes up in the new characters; a list of several, the first to be
                complete; None for none.
            settings: Those of `Sampling`: temperature, top_k, top_p, min_p, no_repeat, samplers, beams, allow, forbid,
                pattern, line_pattern, seed.

        Returns:
            A str; a list of B of them where `num_samples` is not 1.

        Raises:
            SettingsError: If a setting is out of its range, or the stop text has a character that is no symbol.
            VocabularyError: If the prefix has a character that the model does not know.
        """
        require("num_samples", "a whole number of 1 or more", num_samples, is_whole(num_samples, 1))
        sampling, stops, ids = self.check([prefix], length, stop, settings)
        if sampling.beams is not None:
            _require_one(num_samples)
            return prefix + self._search(ids[0], length, sampling, stops).text
        grown = [Growing(self._model.vocabulary, stops) for _ in range(num_samples)]
        for _ in self._blocks(ids, grown, length, sampling, scored=False):
            pass
        texts = [prefix + each.text for each in grown]
        return texts if num_samples != 1 else texts[0]

    def stream(self, prefix="", length=400, stop=None, **settings):
        """Yield the prefix, then new characters in pieces of up to 1,024; together what `generate` returns."""
        sampling, stops, ids = self.check([prefix], length, stop, settings)
        yield prefix
        if sampling.beams is not None:
            yield self._search(ids[0], length, sampling, stops).text
            return
        for pieces in self._blocks(ids, [Growing(self._model.vocabulary, stops)], length, sampling, scored=False):
            if pieces[0]:
                yield pieces[0]

    def samples(self, prefixes=("",), length=400, num_samples=1, stop=None, best_of=1, **settings):
        """Return texts with what there is to know of them: a list of `sampling.Sample`, those of a prefix together.

        Args:
            prefixes: A list of str, whose samples are made side by side.
            length, stop, settings: As in `generate`.
            num_samples: How many for each prefix.
            best_of: Of each so many are made, and the one kept to which the model itself gives the most probability per
                symbol.

        Raises:
            SettingsError, VocabularyError: As `generate`.
        """
        for name, value in {"num_samples": num_samples, "best_of": best_of}.items():
            require(name, "a whole number of 1 or more", value, is_whole(value, 1))
        require("prefixes", "a list of texts", prefixes, isinstance(prefixes, list | tuple))
        sampling, stops, ids = self.check(prefixes, length, stop, settings)
        told = {"length": length, "stop": stop, **settings}
        if sampling.beams is not None:
            _require_one(max(num_samples, best_of))
            found = [self._search(each, length, sampling, stops) for each in ids]
            return [each.to_sample(prefix, told) for each, prefix in zip(found, prefixes, strict=True)]
        each, made = num_samples * best_of, []
        rows = [place for place in range(len(ids)) for _ in range(each)]
        for begin in range(0, len(rows), MOST_ROWS):
            places = rows[begin : begin + MOST_ROWS]
            grown = [Growing(self._model.vocabulary, stops) for _ in places]
            for _ in self._blocks([ids[place] for place in places], grown, length, sampling, begin, scored=True):
                pass
            made += [one.to_sample(prefixes[place], told) for one, place in zip(grown, places, strict=True)]
        groups = [made[begin : begin + best_of] for begin in range(0, len(made), best_of)]
        return [min(group, key=lambda sample: sample.nats_per_symbol) for group in groups]

    def check(self, prefixes, length, stop, settings):
        """Return the `Sampling`, the `Stops`, and the ids of the symbols that are read first, of each prefix."""
        require("length", "a whole number of 0 or more", length, is_whole(length, 0))
        for prefix in prefixes:
            require("prefix", "a text", prefix, isinstance(prefix, str))
        sampling, vocabulary = Sampling(**settings), self._model.vocabulary
        return sampling, Stops(stop, vocabulary), [self.ids_of(prefix) for prefix in prefixes]

    def ids_of(self, prefix):
        """Return the ids of the symbols that are read before the first new one, int32 (T,), T at least 1."""
        vocabulary = self.vocabulary
        start = prefix or (LINE_END if LINE_END in vocabulary else vocabulary.symbols[0])
        if self._model.fresh_at == DOCUMENT and not prefix.startswith(DOCUMENT):
            start = DOCUMENT + prefix  # before which no model has read anything
        ids = vocabulary.encode(start, what="the prefix")
        if not len(ids):
            raise SettingsError(f"the model knows no character of the prefix {prefix!r}; give it another one")
        return ids.astype(np.int32)

    def begin(self, ids, rows, length, samplers):
        """Return the last ids, the states of the model and those of the samplers: of some prefixes, in so many rows.

        Args:
            ids: Of each prefix; one for all, or as many as there are rows, or fewer: then the last ones are filled up.
            rows, length, samplers: As they are made.
        """
        if len(ids) > 1:
            ids = [*ids, *[ids[-1]] * (rows - len(ids))]  # of the last ones nobody is told
        states = read_prefixes(self._model, self.run, [each[:-1] for each in ids])
        if len(ids) < rows:  # one for all
            ids, states = ids * rows, tf.nest.map_structure(lambda state: tf.repeat(state, rows, 0), states)
        last = np.array([each[-1] for each in ids], np.int32)
        own = [sampler.start(ids, rows, length, self._model.vocabulary) for sampler in samplers]
        return tf.constant(last), states, own

    def _blocks(self, ids, grown, length, sampling, number=0, scored=False):
        """Let samples grow, block by block, and yield what they came to know in each: a list of B pieces of text.

        Args:
            ids: Of the prefix of each; or one for all.
            grown: A `Growing` for each.
            length: Most new symbols.
            sampling: A `Sampling`.
            number: Of the first among all samples of a call, so that no two have the same noise.
            scored: Whether to keep nats and costs.
        """
        vocabulary, samplers, batch = self._model.vocabulary, sampling.samplers_for(self._model.vocabulary), len(grown)
        wide, size = at_least(batch, ROWS), block_of(batch, len(vocabulary))
        last, states, own = self.begin(ids, wide, length, samplers)
        kind, numbers = (scored, *(each.key for each in samplers)), [tensors_of(each.numbers) for each in samplers]
        for begin in range(0, length, size):
            count = min(size, length - begin)
            noise = self.noise(sampling, size, batch, number * BLOCK + begin // size)
            noise = tf.pad(noise, [[0, 0], [0, wide - batch], [0, 0]])
            run = functools.partial(self.run, kind, body=functools.partial(draw, self._model, samplers, scored))
            made, last, states, own, figures = run(last, states, own, tf.constant(count), noise, numbers)
            rows, final = made.numpy()[:count, :batch].T, begin + count == length
            told = np.stack(figures, -1)[:count, :batch].swapaxes(0, 1) if scored else [None] * batch
            yield [each.add(*row, final) for each, *row in zip(grown, rows, told, strict=True)]
            if all(each.ended for each in grown):
                return
        for each in grown:
            each.add(np.zeros(0, np.int64), None, True)  # of no length

    def log_probabilities(self, prefix=""):
        """Return the logarithms of the probabilities of the V symbols after a prefix, (V,)."""
        last, states, _ = self.begin([self.ids_of(prefix)], 1, 1, [])
        logits, _ = self._model.step(last, states, self._model.table(1))
        return tf.nn.log_softmax(tf.cast(logits[0], tf.float32)).numpy()

    def noise(self, sampling, size, batch, number):
        """Return what is added to the logits in a block of so many symbols of B samples, (size, B, V)."""
        shape = tf.constant([size, batch, len(self._model.vocabulary)])
        # Outside the compiled loop: XLA's random numbers take a hundred times as long on a CPU.
        return tf.zeros(shape) if sampling.greedy else self._draw(shape, tf.constant([sampling.seed, number]))

    def pieces_of_noise(self, seeds, begins, size):
        """Return pieces of what `noise` gives for one sample each: see `gumbel_pieces`."""
        arguments = (tf.constant(seeds, tf.int32), tf.constant(begins, tf.int64), tf.constant(size, tf.int32))
        return self._draw_pieces(*arguments)

    def _search(self, ids, length, sampling, stops):
        """Return a `Growing` of the likeliest text after a prefix."""
        vocabulary, samplers, count = (
            self._model.vocabulary,
            sampling.samplers_for(self._model.vocabulary),
            sampling.beams,
        )
        last, states, own = self.begin([ids], count, length, samplers)
        kind, numbers = ("search", *(each.key for each in samplers)), [tensors_of(each.numbers) for each in samplers]
        body = functools.partial(advance, self._model, samplers)

        def grow(last, states, own, sums):
            return self.run(kind, last, states, own, sums, numbers, body=body)

        def ends(ids):
            return bool(stops) and stops.find(vocabulary.decode(ids[-stops.longest - 1 :])) >= 0

        best, grown = search(grow, last, states, own, length, count, ends), Growing(vocabulary, stops)
        figures = np.stack([best.nats, np.zeros(len(best.nats))], -1)
        grown.add(np.array([*best.ids, *([-1] if best.ended == "pattern" else [])], np.int64), figures, True)
        return grown

    def run(self, kind, *arguments, body=None):
        """Run a function of one kind, compiled at its first use; uncompiled if the cell does not let it."""
        if kind not in self._functions:
            body = body or {"read": self._model.read, "consume": functools.partial(consume, self._model)}[kind]
            self._functions[kind] = tf.function(body, jit_compile=True, autograph=False)
            try:
                return self._functions[kind](*arguments)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
                reason = str(error).strip().splitlines()[0]
                warnings.warn(f"generation cannot be compiled by XLA and runs uncompiled: {reason}", stacklevel=2)
                self._functions[kind] = tf.function(body, jit_compile=False, autograph=False)
        return self._functions[kind](*arguments)


def block_of(batch, symbols):
    """Return the most symbols made by one call of the compiled loop: of B samples, with V symbols."""
    size = BLOCK
    while size > 1 and size * batch * symbols > NOISE:
        size //= 2
    return size


def tensors_of(numbers):
    return [tf.convert_to_tensor(each) for each in numbers]  # a number by itself would be compiled in


def _require_one(count):
    if count != 1:
        raise SettingsError(
            f"beams find one text, the likeliest, and {count} are asked for; leave beams out, or take one"
        )
