"""Text from a model: greedy, temperature, top-k and top-p sampling in one compiled loop.

Shapes in letters: B samples made side by side, V symbols.
"""

import functools
import itertools
import math
import numbers
import secrets
import warnings

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.shapes import ROWS, at_least
from keras_charrnn.text.vocabularies import DOCUMENT, LINE_END

WINDOW = 256  # characters of a prefix that are read at once
BLOCK = 1024  # most characters made by one call of the compiled loop; the noise of a block is drawn at once
LEAST, MOST = (float(getattr(np.finfo(np.float32), each)) for each in ("tiny", "max"))  # less may count as 0
NOISE = 2**22  # most random numbers in a block: 16 MB


class Generator:
    """Makes text with a model, and keeps its compiled loops.

    Args:
        model: A `CharRNN`, or what has its `vocabulary`, `initial_states`, `read`, `table` and `step`.
    """

    def __init__(self, model):
        self._model = model
        self._functions = {}
        self._draw = tf.function(gumbel, autograph=False)

    def generate(self, prefix="", length=400, num_samples=1, stop=None, **settings):
        """Return the prefix and new characters.

        Args:
            prefix: Text that is fed through the state first, and is the beginning of what is returned. Without one the
                model starts as after a line end (or its first symbol), which is not returned. One with
                `fresh_documents` starts as at the beginning of a document, with or without a prefix.
            length: Number of new symbols, which are characters unless the vocabulary is of another unit.
            num_samples: B, how many texts to make side by side.
            stop: Text before which to end, where it comes up in the new characters; None for none.
            settings: Those of `Sampling`: temperature, top_k, top_p, seed.

        Returns:
            A str; a list of B of them where `num_samples` is not 1.

        Raises:
            SettingsError: If a setting is out of its range, or the stop text has a character that is no symbol.
            VocabularyError: If the prefix has a character that the model does not know.
        """
        _require("num_samples", "a whole number of 1 or more", num_samples, _is_whole(num_samples, 1))
        ids = self._check(prefix, length, stop)
        pieces = list(self._pieces(ids, length, num_samples, stop, Sampling(**settings)))
        texts = [prefix + _before(stop, "".join(each)) for each in zip(*pieces, strict=True)] or [prefix] * num_samples
        return texts if num_samples != 1 else texts[0]

    def stream(self, prefix="", length=400, stop=None, **settings):
        """Yield the prefix, then new characters in pieces of up to 1,024; together what `generate` returns."""
        ids, sampling = self._check(prefix, length, stop), Sampling(**settings)
        yield prefix
        held = ""  # the end of what was made, as long as it may be the beginning of the stop text
        for (piece,) in self._pieces(ids, length, 1, stop, sampling):
            text = held + piece
            if stop and stop in text:
                yield _before(stop, text)
                return
            keep = _overlap(text, stop) if stop else 0
            held = text[len(text) - keep :]
            yield text[: len(text) - keep]
        if held:
            yield held

    def _check(self, prefix, length, stop):
        """Return the ids of the characters that are read first."""
        _require("length", "a whole number of 0 or more", length, _is_whole(length, 0))
        _require("prefix", "a text", prefix, isinstance(prefix, str))
        _require("stop", "a text of at least one character", stop, stop is None or (isinstance(stop, str) and stop))
        vocabulary = self._model.vocabulary
        never = next(itertools.compress(stop, ~vocabulary.knows(stop)), None) if stop else None
        if never:
            raise SettingsError(
                f"the stop text has the character {never!r} (U+{ord(never):04X}), which is none of the model's "
                f"{len(vocabulary)} symbols: it would never come up; give another text, or none"
            )
        start = prefix or (LINE_END if LINE_END in vocabulary else vocabulary.symbols[0])
        if self._model.fresh_at == DOCUMENT and not prefix.startswith(DOCUMENT):
            start = DOCUMENT + prefix  # before which no model has read anything
        ids = vocabulary.encode(start, what="the prefix")
        if not len(ids):
            raise SettingsError(f"the model knows no character of the prefix {prefix!r}; give it another one")
        return ids

    def _pieces(self, ids, length, batch, stop, sampling):
        """Yield lists of B pieces of new text, until `length` characters are made or each text has the stop text."""
        vocabulary = self._model.vocabulary
        states, known = self._model.initial_states(1), ids[:-1].astype(np.int32)
        whole = len(known) // WINDOW * WINDOW
        for window in known[:whole].reshape(-1, WINDOW, 1):
            states = self._run("read", tf.constant(window), states)
        if rest := len(known) - whole:
            states = self._run("consume", tf.constant(np.resize(known[whole:], WINDOW)), tf.constant(rest), states)
        wide = at_least(batch, ROWS)  # of the last rows nobody is told
        if wide > 1:
            states = tf.nest.map_structure(lambda state: tf.repeat(state, wide, 0), states)
        last = tf.fill((wide,), tf.cast(ids[-1], tf.int32))
        texts, decoders = [""] * batch, [vocabulary.decoder() for _ in range(batch)]
        size = BLOCK
        while size > 1 and size * batch * len(vocabulary) > NOISE:
            size //= 2
        for block, begin in enumerate(range(0, length, size)):
            count = min(size, length - begin)
            shape = tf.constant([size, batch, len(vocabulary)])
            # Outside the compiled loop: XLA's random numbers take a hundred times as long on a CPU.
            noise = tf.zeros(shape) if sampling.greedy else self._draw(shape, tf.constant([sampling.seed, block]))
            noise = tf.pad(noise, [[0, 0], [0, wide - batch], [0, 0]])
            made, last, states = self._run(sampling.kind, last, states, tf.constant(count), noise, *sampling.numbers)
            rows, ends = made.numpy()[:count, :batch].T, begin + count == length
            pieces = [decode(row, ends) for decode, row in zip(decoders, rows, strict=True)]
            yield pieces
            if stop:
                texts = [text[-len(stop) :] if stop not in text else text for text in texts]
                texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
                if all(stop in text for text in texts):
                    return

    def _run(self, kind, *arguments):
        """Run the loop of one kind of sampling, compiled at its first use; uncompiled if the cell does not let it."""
        if kind not in self._functions:
            self._functions[kind] = self._make(kind, jit_compile=True)
            try:
                return self._functions[kind](*arguments)
            except (tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
                reason = str(error).strip().splitlines()[0]
                warnings.warn(f"generation cannot be compiled by XLA and runs uncompiled: {reason}", stacklevel=2)
                self._functions[kind] = self._make(kind, jit_compile=False)
        return self._functions[kind](*arguments)

    def _make(self, kind, jit_compile):
        bodies = {"read": self._model.read, "consume": self._consume}
        body = bodies.get(kind, functools.partial(self._sample, kind))
        return tf.function(body, jit_compile=jit_compile, autograph=False)

    def _consume(self, ids, count, states):
        """Feed the first `count` of `ids` through the state."""
        table = self._model.table(ids.shape[0])

        def body(t, states):
            _, states = self._model.step(ids[t][None], states, table)
            return t + 1, states

        return tf.while_loop(lambda t, _: t < count, body, (0, states))[1]

    def _sample(self, kind, last, states, count, noise, temperature, top_k, top_p):
        """Make `count` ids, B at a time, from the last ones: ids (size of a block, B), the last ones, and states."""
        made = tf.TensorArray(tf.int32, noise.shape[0], element_shape=last.shape)
        table = self._model.table(noise.shape[0] * last.shape[0])

        def body(t, last, states, made):
            logits, states = self._model.step(last, states, table)
            logits = scale(tf.cast(logits, tf.float32), temperature)
            if "k" in kind:
                logits = keep_top_k(logits, top_k)
            if "p" in kind:
                logits = keep_top_p(logits, top_p)
            last = tf.argmax(logits + noise[t], -1, tf.int32)
            return t + 1, last, states, made.write(t, last)

        loop = tf.while_loop(lambda t, *_: t < count, body, (0, last, states, made))
        return loop[3].stack(), loop[1], loop[2]


class Sampling:
    """How the next character is drawn.

    Args:
        temperature: Divides the logits; 0 takes the likeliest character, 1 draws from the model's own distribution.
        top_k: Draw from the k likeliest symbols (and any as likely as the last of them); None for all.
        top_p: Draw from the likeliest symbols that together have at least this probability; None for all.
        seed: The same seed gives the same text, on the same machine; None for another text each time.

    Raises:
        SettingsError: If one is out of its range.
    """

    def __init__(self, temperature=0.8, top_k=None, top_p=None, seed=None):
        number = isinstance(temperature, numbers.Real) and 0 <= temperature < math.inf
        _require("temperature", "a number of 0 or more", temperature, number)
        _require("top_k", "a whole number of 1 or more", top_k, top_k is None or _is_whole(top_k, 1))
        is_share = isinstance(top_p, numbers.Real) and 0 < top_p <= 1
        _require("top_p", "above 0 and at most 1", top_p, top_p is None or is_share)
        _require("seed", "a whole number from 0 to 4294967295", seed, seed is None or _is_whole(seed, 0, 2**32))
        seed = secrets.randbits(31) if seed is None else int(seed)
        self.seed = seed - 2**32 if seed >= 2**31 else seed  # the same 32 bits, as an int32
        self.greedy = temperature < LEAST
        # Greedy is drawing at temperature 1 without noise, among all: the same function, compiled once.
        self.kind = "draw" if self.greedy else "draw" + (" k" if top_k else "") + (" p" if top_p else "")
        # Tensors, so that another value is no other function to compile.
        self.numbers = (
            tf.constant(1.0 if self.greedy else float(min(temperature, MOST))),
            tf.constant(top_k or 0),
            tf.constant(max(float(top_p or 1), LEAST)),
        )


def scale(logits, temperature):
    """Return logits / temperature, shifted so that the largest is 0: finite for any temperature above 0."""
    return tf.maximum((logits - tf.reduce_max(logits, -1, keepdims=True)) / temperature, -1e30)


def keep_top_k(logits, k):
    """Return logits (B, V) with all below the k-th largest at -inf."""
    descending = tf.sort(logits, -1, "DESCENDING")
    smallest = tf.gather(descending, tf.minimum(k, logits.shape[-1]) - 1, axis=-1)[:, None]
    return tf.where(logits < smallest, -math.inf, logits)


def keep_top_p(logits, p):
    """Return logits (B, V) with all at -inf but the fewest, likeliest ones whose probabilities sum to p or more."""
    descending = tf.sort(logits, -1, "DESCENDING")
    probabilities = tf.nn.softmax(descending)
    before = tf.cumsum(probabilities, -1, exclusive=True)
    smallest = tf.reduce_min(tf.where(before < p, descending, math.inf), -1, keepdims=True)
    return tf.where(logits < smallest, -math.inf, logits)


def gumbel(shape, seed):
    """Return noise: the argmax of logits plus this noise is a draw from their softmax."""
    uniform = tf.random.stateless_uniform(shape, seed, minval=np.finfo(np.float32).tiny, maxval=1.0)
    return -tf.math.log(-tf.math.log(uniform))


def _before(stop, text):
    return text.split(stop, 1)[0] if stop else text


def _overlap(text, stop):
    """Return how many characters at the end of `text` are the beginning of `stop`."""
    return next(n for n in range(min(len(stop) - 1, len(text)), -1, -1) if n == 0 or text.endswith(stop[:n]))


def _is_whole(value, minimum, below=2**31):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and minimum <= value < below


def _require(name, accepted, value, holds):
    if not holds:
        raise SettingsError(f"{name} must be {accepted}; received {value!r}")
