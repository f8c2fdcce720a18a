"""Regular expressions as state machines over the characters of a model.

Python's own parser reads the expression, so that it means what it means in the module `re`; the machine is made by
Thompson's construction and that of subsets (K. Thompson, Regular expression search algorithm, 1968; M. Rabin and
D. Scott, Finite automata and their decision problems, 1959), with a limit on its states.

Shapes in letters: S states, A characters.
"""

import dataclasses
import re
from re import _compiler, _constants, _parser

import numpy as np

from keras_charrnn.errors import SettingsError

STATES = 20_000  # most of a machine
TOGETHER = 500_000  # most nodes that are reached without a character, of all nodes together
NODES = 200_000  # most of what it is made of: repeated parts are there as often as they are repeated
DEAD = -1


@dataclasses.dataclass(frozen=True)
class Machine:
    """A deterministic state machine, which begins in state 0.

    Attributes:
        table: int32 (S, A): the state after each character, -1 for none.
        ends: bool (S,): where a text may end.
    """

    table: np.ndarray
    ends: np.ndarray

    def with_lines(self, line_end):
        """Return the machine of texts whose every line is one of this machine; after a line end it begins anew.

        Args:
            line_end: The place of the line end among the characters; None where it is none.
        """
        if line_end is None:
            return self
        # A state for the beginning of a line that need not come: the text may end there.
        table, new = np.vstack([self.table, self.table[:1]]), len(self.table)
        table[:, line_end] = np.where([*self.ends, self.ends[0]], new, DEAD)
        return Machine(table, np.append(self.ends, True))

    def and_also(self, other):
        """Return the machine of the texts of both, which are over the same characters."""
        pairs, order, rows = {(0, 0): 0}, [(0, 0)], []
        for one, two in order:  # which grows
            row = np.full(self.table.shape[1], DEAD, np.int32)
            after = np.stack([self.table[one], other.table[two]])
            for place in np.flatnonzero((after != DEAD).all(0)):
                pair = int(after[0, place]), int(after[1, place])
                if pair not in pairs:
                    pairs[pair] = len(order)
                    order.append(pair)
                row[place] = pairs[pair]
            rows.append(row)
            _require_states(len(order), "together")
        return Machine(np.array(rows), np.array([self.ends[one] and other.ends[two] for one, two in order]))


def machine_of(pattern, characters, name="pattern"):
    """Return the `Machine` of the texts that a regular expression matches as a whole.

    Args:
        pattern: The expression, as of `re.fullmatch`.
        characters: Those of the model, a str.
        name: Of the setting, for messages.

    Raises:
        SettingsError: If it is no regular expression, needs what a state machine cannot do, or is too large.
    """
    try:
        parsed = _parser.parse(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise SettingsError(f"{name} is no regular expression: {error}: {pattern!r}") from error
    maker = _Maker(characters, f"{name} {pattern!r}")
    begin, end = maker.sequence(_without_anchors(list(parsed)), parsed.state.flags & ~re.DEBUG)
    return maker.determine(begin, end)


def _without_anchors(items):
    """Leave out what stands for the beginning and the end of the text, which all of it matches anyway."""
    while (
        items
        and items[0][0] is _constants.AT
        and items[0][1] in (_constants.AT_BEGINNING, _constants.AT_BEGINNING_STRING)
    ):
        items = items[1:]
    while items and items[-1][0] is _constants.AT and items[-1][1] in (_constants.AT_END, _constants.AT_END_STRING):
        items = items[:-1]
    return items


def _require_states(count, what):
    if count > STATES:
        raise SettingsError(
            f"{what}: the state machine has more than {STATES:,} states, the limit; take smaller numbers of repetitions"
        )


class _Maker:
    """Makes the nodes of an expression: of each, edges by characters, and edges by nothing.

    Args:
        characters: A str.
        what: The expression, for messages.
    """

    def __init__(self, characters, what):
        self._characters, self._what = characters, what
        self._empty, self._edges = [], []  # of each node: a list of nodes, and (bool (A,), node) or None
        self._sets = {}

    def node(self):
        if len(self._empty) >= NODES:
            raise SettingsError(f"{self._what} is too large: it has more than {NODES:,} parts, the limit")
        self._empty.append([])
        self._edges.append(None)
        return len(self._empty) - 1

    def sequence(self, items, flags):
        """Return the first and the last node of some parts, one after another."""
        begin = end = self.node()
        for operation, argument in items:
            first, last = self._part(operation, argument, flags)
            self._empty[end].append(first)
            end = last
        return begin, end

    def _part(self, operation, argument, flags):
        names = _constants
        if operation in (names.LITERAL, names.NOT_LITERAL, names.ANY, names.IN):
            begin, end = self.node(), self.node()
            self._edges[begin] = self._set(operation, argument, flags), end
            return begin, end
        if operation is names.SUBPATTERN:
            _, added, left_out, inner = argument
            kept = flags & ~re.UNICODE if added & re.ASCII else flags
            return self.sequence(inner, (kept | added) & ~left_out)
        if operation is names.BRANCH:
            begin, end = self.node(), self.node()
            for each in argument[1]:
                first, last = self.sequence(each, flags)
                self._empty[begin].append(first)
                self._empty[last].append(end)
            return begin, end
        if operation in (names.MAX_REPEAT, names.MIN_REPEAT):  # which matter only to what is searched
            return self._repeated(*argument, flags)
        raise SettingsError(
            f"{self._what} has what no state machine can do: {_WORDS.get(operation, str(operation).lower())}; write it "
            "without"
        )

    def _repeated(self, least, most, inner, flags):
        begin = end = self.node()
        for _ in range(least):
            first, last = self.sequence(inner, flags)
            self._empty[end].append(first)
            end = last
        if most is _constants.MAXREPEAT:
            first, last = self.sequence(inner, flags)
            self._empty[end] += [first]
            after = self.node()
            self._empty[last] += [first, after]
            self._empty[end].append(after)
            return begin, after
        after = self.node()
        for _ in range(most - least):
            self._empty[end].append(after)
            first, last = self.sequence(inner, flags)
            self._empty[end].append(first)
            end = last
        self._empty[end].append(after)
        return begin, after

    def _set(self, operation, argument, flags):
        """Return which characters a part of one character matches: bool (A,)."""
        key = operation, repr(argument), flags
        if key not in self._sets:
            state = _parser.State()
            state.flags = int(flags)
            compiled = _compiler.compile(_parser.SubPattern(state, [(operation, argument)]))
            self._sets[key] = np.array([compiled.fullmatch(each) is not None for each in self._characters], bool)
        return self._sets[key]

    def determine(self, begin, end):
        """Return the `Machine` of what leads from one node to another."""
        closures, size = {}, 0

        def closure(node):
            nonlocal size
            if node not in closures:
                seen, waiting = {node}, [node]
                while waiting:
                    for each in self._empty[waiting.pop()]:
                        if each not in seen:
                            seen.add(each)
                            waiting.append(each)
                closures[node] = frozenset(each for each in seen if self._edges[each] is not None or each == end)
                size += len(closures[node])
                if size > TOGETHER:
                    raise SettingsError(
                        f"{self._what}: too much may be left out of it; take smaller numbers of repetitions"
                    )
            return closures[node]

        first = closure(begin)
        found, order, rows = {first: 0}, [first], []
        for nodes in order:  # which grows
            edges = [self._edges[each] for each in nodes if each != end or self._edges[each] is not None]
            row = np.full(len(self._characters), DEAD, np.int32)
            if edges:
                chosen = np.array([each for each, _ in edges])
                # Characters that lead to the same nodes are looked at together.
                _, firsts, kinds = np.unique(
                    np.packbits(chosen, axis=0), axis=1, return_index=True, return_inverse=True
                )
                states = []
                for place in firsts:
                    targets = [node for (_, node), taken in zip(edges, chosen[:, place], strict=True) if taken]
                    after = frozenset().union(*map(closure, targets))
                    if targets and after not in found:
                        found[after] = len(order)
                        order.append(after)
                    states.append(found[after] if targets else DEAD)
                row = np.array(states, np.int32)[kinds.reshape(-1)]
            rows.append(row)
            _require_states(len(order), self._what)
        return Machine(np.array(rows), np.array([end in nodes for nodes in order]))


_WORDS = {
    _constants.GROUPREF: "a reference to a group",
    _constants.GROUPREF_EXISTS: "a condition on a group",
    _constants.ASSERT: "a look ahead or back",
    _constants.ASSERT_NOT: "a look ahead or back",
    _constants.AT: "an anchor within it",
    _constants.ATOMIC_GROUP: "an atomic group",
    _constants.POSSESSIVE_REPEAT: "a possessive repetition",
}
