"""What the new text must be like, exactly: characters that may come, and regular expressions that it matches.

Shapes in letters: B samples, S states, V symbols.
"""

import functools
import math
import re

import numpy as np
import tensorflow as tf

from keras_charrnn.errors import SettingsError
from keras_charrnn.model.sampling.base import Sampler, require
from keras_charrnn.model.sampling.machine import DEAD, Machine, machine_of
from keras_charrnn.text.vocabularies.base import LINE_END

SETTINGS = ("allow", "forbid", "pattern", "line_pattern")
ENTRIES = 2**24  # most of a table of states and symbols: 64 MB


class Constraint(Sampler):
    """Lets only such symbols come after which the text can still become what it must be, within its length.

    Where a text is what it must be and nothing may follow, it has ended: no logit of its row is above -inf.

    Args:
        vocabulary: Of the model.
        allow, forbid: The only characters that may come, and those that may not: as within the brackets of a regular
            expression, `a-z` or `eE` or `\\W`. None for no rule.
        pattern: A regular expression that all of the new text matches. None for none.
        line_pattern: One that each of its lines matches.

    Raises:
        SettingsError: If nothing is left, one is no regular expression, or the machine is too large.
    """

    def __init__(self, vocabulary, allow=None, forbid=None, pattern=None, line_pattern=None):
        tables = _tables(vocabulary, allow, forbid, pattern, line_pattern)
        table, left = tables
        # Few sizes, each of which is compiled; no symbol leads to what is added.
        more = (1 << (len(table) - 1).bit_length()) - len(table)
        self._least, self._table = int(left[0]), tf.constant(np.pad(table, [(0, more), (0, 0)], constant_values=DEAD))
        self._left = tf.constant(np.pad(left, (0, more), constant_values=_NEVER))

    key = property(lambda self: type(self))
    numbers = property(lambda self: (self._table, self._left))

    def start(self, ids, batch, length, vocabulary):
        if self._least > length:
            raise SettingsError(
                f"what is asked for takes {self._least:,} symbols at least; length is {length:,}: take a larger one"
            )
        return [tf.zeros((batch,), tf.int32), tf.fill((batch,), length)]

    def apply(self, logits, numbers, state):
        table, left = numbers
        after = tf.gather(table, state[0])
        reached = tf.gather(left, tf.maximum(after, 0)) < state[1][:, None]
        return tf.where((after != DEAD) & reached, logits, -math.inf)

    def update(self, ids, numbers, state):
        after = tf.gather(tf.gather(numbers[0], state[0]), ids, batch_dims=1)
        return [tf.where(after == DEAD, state[0], after), state[1] - 1]  # one that has ended stays where it is


@functools.lru_cache(8)
def _tables(vocabulary, allow, forbid, pattern, line_pattern):
    """Return the state after each symbol, int32 (S, V), and how many symbols an end is away from each, int32 (S,)."""
    texts = _texts(vocabulary)
    characters = "".join(sorted(set().union(*(each for each in texts if each is not None))))
    may = np.ones(len(characters), bool)
    for name, given in (("allow", allow), ("forbid", forbid)):
        if given is not None:
            may &= _among(name, given, characters) == (name == "allow")
    if not may.any():
        raise SettingsError(
            f"{_named(allow=allow, forbid=forbid)} leaves none of the model's {len(vocabulary)} symbols"
        )
    machine = Machine(np.where(may, 0, DEAD).astype(np.int32)[None], np.ones(1, bool))
    if pattern is not None:
        machine = machine.and_also(machine_of(pattern, characters))
    if line_pattern is not None:
        line_end = characters.find(LINE_END)
        lines = machine_of(line_pattern, characters, "line_pattern")
        machine = machine.and_also(lines.with_lines(None if line_end < 0 else line_end))
    if machine.table.size // len(characters) * len(vocabulary) > ENTRIES:
        raise SettingsError(
            f"the state machine has {len(machine.table):,} states, too many for {len(vocabulary):,} symbols: the limit "
            f"is {ENTRIES // len(vocabulary):,}"
        )
    table, left = _trimmed(_of_symbols(machine, texts, characters), machine.ends)
    if left[0] == _NEVER or not (table[0] != DEAD).any():
        what = _named(allow=allow, forbid=forbid, pattern=pattern, line_pattern=line_pattern)
        raise SettingsError(f"nothing of the model's {len(vocabulary)} symbols can be {what}; give another one")
    return table, left


_NEVER = np.iinfo(np.int32).max


def _named(**given):
    return " with ".join(f"{name} {value!r}" for name, value in given.items() if value is not None)


def _texts(vocabulary):
    """Return the text of each symbol; None for one that is no text by itself, as a byte of a longer character."""
    texts = [vocabulary.decode([index]) for index in range(len(vocabulary))]
    return [None if any("\ud800" <= each <= "\udfff" for each in text) else text for text in texts]


def _among(name, given, characters):
    """Return which characters are among those that stand within the brackets of a regular expression: bool (A,)."""
    require(name, "one character or more, as within the brackets of a regular expression", given, bool(given))
    try:
        matches = re.compile(f"[{given}]", re.DOTALL).fullmatch
    except re.error as error:
        raise SettingsError(
            f"{name} is as within the brackets of a regular expression, as in a-z or eE; {error}: {given!r}"
        ) from error
    return np.array([matches(each) is not None for each in characters])


def _of_symbols(machine, texts, characters):
    """Return the state after each symbol, whose text may be of several characters: int32 (S, V)."""
    places = {character: place for place, character in enumerate(characters)}
    dead = np.full((1, machine.table.shape[1]), DEAD, np.int32)
    table = np.vstack([machine.table, dead])  # -1 is its last row
    columns = []
    for text in texts:
        states = np.full(len(machine.table), DEAD) if text is None else np.arange(len(machine.table))
        for character in text or "":
            states = table[states, places[character]]
        columns.append(states)
    return np.stack(columns, 1).astype(np.int32)


def _trimmed(table, ends):
    """Return a table without what leads to no end, and how many symbols an end is away from each state."""
    before = [[] for _ in table]
    for state, row in enumerate(table):
        for after in np.unique(row[row != DEAD]):
            before[after].append(state)
    left, reached = np.where(ends, 0, _NEVER).astype(np.int32), list(np.flatnonzero(ends))
    for state in reached:  # which grows, by the number of symbols
        for each in before[state]:
            if left[each] == _NEVER:
                left[each] = left[state] + 1
                reached.append(each)
    return np.where((table != DEAD) & (left[table] != _NEVER), table, DEAD).astype(np.int32), left
