"""What a sampler is: one rule by which the next symbol is drawn.

Shapes in letters: B samples made side by side, V symbols.
"""

import math
import numbers

import tensorflow as tf

from keras_charrnn import registry
from keras_charrnn.errors import RegistryError, SettingsError

LEAST_LOGIT = -1e30  # of a scaled logit; below stands only what may not be drawn


class Sampler:
    """A rule over logits, inside the compiled loop. A subclass with a name is a setting of `generate`, or a plugin.

    `apply` and `update` are compiled, once for all samplers of the same `key`: they may depend on `self` through that
    alone, and on what is in `numbers`. As it stands, `key` has all arguments of the constructor.

    A subclass that takes further settings takes them in its constructor, and raises a `SettingsError` there if they are
    out of their range.
    """

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self._given = repr((args, sorted(kwargs.items())))
        return self

    @property
    def key(self):
        """What the compiled loop depends on, hashable."""
        return type(self), self._given

    @property
    def numbers(self):
        """What it may depend on besides, a tuple of numbers or tensors: of other values nothing is compiled anew."""
        return ()

    def start(self, ids, batch, length, vocabulary):
        """Return its own state before the first new symbol: a list of tensors, the first axis of each B.

        Args:
            ids: int32 arrays: the ids of the prefix, of each of the B samples.
            batch: B.
            length: Most new symbols.
            vocabulary: Of the model.
        """
        return []

    def apply(self, logits, numbers, state):
        """Return the logits (B, V), float32, by which to draw: -inf for what may not be drawn.

        Args:
            logits: Those of the model, as the samplers before it have left them.
            numbers: Tensors of `numbers`.
            state: Its own.
        """
        return logits

    def update(self, ids, numbers, state):
        """Return its own state after the symbols that were drawn, int32 (B,)."""
        return state


def register_sampler(name):
    """Class decorator that registers a `Sampler` under `name`.

    Args:
        name: Lower-case letters, digits and underscores; what `generate(samplers=[…])` and `--sampler` say.

    Example:
        @keras_charrnn.register_sampler("surprising")
        class Surprising(keras_charrnn.samplers.Sampler): ...

    Raises:
        RegistryError: If the name is taken, or the class is no sampler.
    """

    def register(cls):
        if not (isinstance(cls, type) and issubclass(cls, Sampler)):
            raise RegistryError(
                f"{cls!r} cannot be the sampler {name!r}: it must be derived from keras_charrnn.samplers.Sampler"
            )
        registry.samplers.register(name, cls)
        return cls

    return register


def forbid(logits, forbidden):
    """Return logits (B, V) without some symbols: bool (B, V). A row in which nothing would be left stays as it is."""
    left = tf.where(forbidden, -math.inf, logits)
    return tf.where(tf.reduce_max(left, -1, keepdims=True) > LEAST_LOGIT, left, logits)


def is_whole(value, minimum, below=2**31):
    """Whether a value is a whole number from `minimum` to one less than `below`."""
    return isinstance(value, numbers.Integral) and not isinstance(value, bool) and minimum <= value < below


def require(name, accepted, value, holds):
    """Raise a SettingsError unless a setting holds what is accepted, in words."""
    if not holds:
        raise SettingsError(f"{name} must be {accepted}; received {value!r}")
