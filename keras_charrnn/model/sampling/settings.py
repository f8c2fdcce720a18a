"""How the next symbols are drawn: the settings of a generation, and the samplers that they make."""

import secrets
from collections.abc import Mapping

from keras_charrnn import registry
from keras_charrnn.errors import SettingsError
from keras_charrnn.model.sampling.base import is_whole, require
from keras_charrnn.model.sampling.constraint import SETTINGS, Constraint
from keras_charrnn.model.sampling.temperature import Temperature

# The samplers of the package in their order; those of plugins stand before what leaves out the unlikely.
FIRST, LAST = ("temperature", "no_repeat"), ("top_k", "top_p", "min_p")
NAMES = (*FIRST, *LAST, "samplers", "beams", *SETTINGS, "seed")


class Sampling:
    """How the next symbols are drawn.

    Args:
        temperature: Divides the logits; 0 takes the likeliest symbol, 1 draws from the model's own distribution. None
            for 0.8, or with beams for 1.
        top_k: Draw from the k likeliest symbols (and any as likely as the last of them); None for all.
        top_p: Draw from the likeliest symbols that together have at least this probability; None for all.
        seed: The same seed gives the same text, on the same machine; None for another text each time.
        min_p: Draw from the symbols of at least this part of the likeliest one's probability; None for all.
        no_repeat: Let no piece of so many symbols come twice; None for no such rule.
        samplers: Others that are registered, a list: of each its name, or a mapping of "name" and arguments.
        beams: Search for the likeliest text with so many beginnings at a time, in place of drawing; None for no search.
        allow, forbid, pattern, line_pattern: As of a `Constraint`; None for no rule.

    Raises:
        SettingsError: If one is out of its range, or does not go with another.
        RegistryError: If there is no such sampler.
    """

    def __init__(
        self,
        temperature=None,
        top_k=None,
        top_p=None,
        seed=None,
        min_p=None,
        no_repeat=None,
        samplers=(),
        beams=None,
        allow=None,
        forbid=None,
        pattern=None,
        line_pattern=None,
    ):
        given = {"temperature": temperature, "no_repeat": no_repeat, "top_k": top_k, "top_p": top_p, "min_p": min_p}
        require("seed", "a whole number from 0 to 4294967295", seed, seed is None or is_whole(seed, 0, 2**32))
        require("beams", "a whole number from 1 to 1024", beams, beams is None or is_whole(beams, 1, 1025))
        if beams is not None:
            for name, value in given.items():
                if value is not None and name != "no_repeat":
                    raise SettingsError(f"beams search for the likeliest text, and draw none: leave out {name}")
        elif temperature is None:
            given["temperature"] = 0.8
        self.beams, self.seed = beams, _int32(secrets.randbits(31) if seed is None else int(seed))
        first, last = (
            [_make(name, given[name]) for name in names if given[name] is not None] for names in (FIRST, LAST)
        )
        self.samplers = [*first, *_others(samplers), *last]
        self.greedy = bool(first) and isinstance(first[0], Temperature) and first[0].greedy
        constrained = dict(zip(SETTINGS, (allow, forbid, pattern, line_pattern), strict=True))
        for name, value in constrained.items():
            require(name, "a text", value, value is None or isinstance(value, str))
        self._constrained = {name: value for name, value in constrained.items() if value is not None}

    @property
    def is_constrained(self):
        """Whether there is a rule for what the text must be like."""
        return bool(self._constrained)

    def samplers_for(self, vocabulary):
        """Return all samplers in their order: a `Constraint` for the vocabulary first, if there are such rules.

        Greedy is drawing without noise, among all: nothing else would change what is the likeliest.
        """
        constraint = [Constraint(vocabulary, **self._constrained)] if self._constrained else []
        return constraint + [each for each in self.samplers if not (self.greedy and each.name in LAST)]


def _make(name, value):
    return _named(registry.samplers.get(name)(value), name)


def _named(sampler, name):
    sampler.name = name
    return sampler


def _others(given):
    """Return the samplers of a list of names, and of mappings with one."""
    listed = [given] if isinstance(given, str | Mapping) else given
    require("samplers", "a list of names, or of mappings with a name", given, isinstance(listed, list | tuple))
    made = []
    for each in listed:
        arguments = {"name": each} if isinstance(each, str) else dict(each) if isinstance(each, Mapping) else {}
        require(
            "samplers", "a list of names, or of mappings with a name", given, isinstance(arguments.get("name"), str)
        )
        name = arguments.pop("name")
        make = registry.samplers.get(name)
        try:
            made.append(_named(make(**arguments), name))
        except (TypeError, ValueError) as error:
            raise SettingsError(f"the sampler {name!r} refuses the arguments {arguments}: {error}") from error
    return made


def _int32(seed):
    return seed - 2**32 if seed >= 2**31 else seed  # the same 32 bits
