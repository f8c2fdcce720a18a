"""What requests may have in them: one table, by which they are checked and described."""

import dataclasses
import json
import math
import re

LONGEST_PROMPT = 100_000  # characters
MOST_SYMBOLS = 10_000  # of a sample


class BadRequest(Exception):
    """A request that cannot be answered: a status, and one sentence."""

    def __init__(self, message, status=400):
        super().__init__(message)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a request.

    Attributes:
        kind: Of its value: "text", "number", "whole", "flag", or "texts", a text or a list of them.
        about: What it is.
        default: Where it is left out; None for none, which may be said as null too.
        least, most: Of numbers, or of the characters of a text.
        needed: Whether it must be there.
    """

    kind: str
    about: str
    default: object = None
    least: float | None = None
    most: float | None = None
    needed: bool = False

    def read(self, name, value):
        """Return the value, checked.

        Raises:
            BadRequest: If it is not accepted.
        """
        if value is None and not self.needed:
            return self.default
        accepted = self.accepted
        if self.kind == "texts" and isinstance(value, list):
            if len(value) <= 4 and all(isinstance(each, str) and 0 < len(each) <= 100 for each in value):
                return value
        elif self.kind in ("text", "texts"):
            if isinstance(value, str) and len(value) <= (self.most or math.inf) and _is_text(value):
                return value
        elif self.kind == "flag":
            if isinstance(value, bool):
                return value
        elif not isinstance(value, bool) and isinstance(value, int | float) and self._holds(value):
            return int(value) if self.kind == "whole" else value
        raise BadRequest(f"{name} must be {accepted}; received {_short(value)}")

    def _holds(self, value):
        # A number that is none is in no range, and one of a thousand digits is no float.
        return self.least <= value <= self.most and (self.kind == "number" or value == int(value))

    @property
    def accepted(self):
        """What it takes, in words."""
        if self.kind == "flag":
            return "true or false"
        if self.kind == "texts":
            return "a text, or a list of up to 4 texts of up to 100 characters"
        if self.kind == "text":
            return "a text" + (f" of up to {self.most:,} characters" if self.most else "")
        what = "a whole number" if self.kind == "whole" else "a number"
        return f"{what} from {self.least:g} to {self.most:g}"

    @property
    def schema(self):
        """Its JSON schema."""
        texts = {"type": "string"}
        kinds = {
            "text": texts,
            "texts": {"anyOf": [texts, {"type": "array", "items": texts}]},
            "flag": {"type": "boolean"},
            "number": {"type": "number"},
            "whole": {"type": "integer"},
        }
        found = {**kinds[self.kind], "description": self.about}
        if self.kind in ("number", "whole"):
            found |= {"minimum": self.least, "maximum": self.most}
        elif self.most:
            found["maxLength"] = self.most
        return found if self.default is None else {**found, "default": self.default}


MODEL = Field("text", "name of a model, as /v1/models lists it; the first by default", most=200)
COMPLETION = {
    "model": MODEL,
    "prompt": Field("text", "what to go on with", "", most=LONGEST_PROMPT),
    "max_tokens": Field("whole", "most new symbols", 200, 0, MOST_SYMBOLS),
    "n": Field("whole", "samples", 1, 1, 16),
    "stream": Field("flag", "whether to send text as it is made, as server-sent events", False),
    "logprobs": Field("whole", "of each symbol its log-probability, and so many of the likeliest", None, 0, 20),
    "echo": Field("flag", "whether the prompt is part of what is returned", False),
    "stop": Field("texts", "before which to end", None, most=100),
    "seed": Field("whole", "the same gives the same text", None, 0, 2**32 - 1),
    "temperature": Field("number", "0 takes the likeliest symbol, 1 draws as the model has it", 0.8, 0, 100),
    "top_p": Field("number", "draw from this share of probability", None, 0.000001, 1),
    "top_k": Field("whole", "draw from so many likeliest symbols", None, 1, 1_000_000),
    "min_p": Field("number", "draw from this share of the likeliest's probability", None, 0.000001, 1),
    "no_repeat": Field("whole", "no piece of so many symbols comes twice", None, 1, 100),
    "allow": Field("text", "only these characters, as within the brackets of a regular expression", most=1000),
    "forbid": Field("text", "none of these characters", most=1000),
    "pattern": Field("text", "a regular expression that all of the new text matches", most=1000),
    "line_pattern": Field("text", "one that each line matches", most=1000),
}
# What existing clients send, and what it must be here.
IGNORED = {
    "user": None,
    "suffix": None,
    "stream_options": None,
    "best_of": (None, 1),
    "frequency_penalty": (None, 0),
    "presence_penalty": (None, 0),
    "logit_bias": (None, {}),
}
SCORE = {"model": MODEL, "text": Field("text", "to be read", most=LONGEST_PROMPT, needed=True)}
LOOK = {
    **SCORE,
    "unit": Field("text", "as 1.h.17: layer, state, number", most=100),
    "alternatives": Field("whole", "how many of the likeliest symbols at each place", 10, 1, 50),
    "named": Field("flag", "whether to find the units that follow properties of the text", False),
}
CAUSES = {**SCORE, "place": Field("whole", "of the symbol that is guessed, from 0", 0, 0, LONGEST_PROMPT)}


def read(body, fields, ignored=()):
    """Return the fields of a request's JSON.

    Raises:
        BadRequest: If it is none, or a field is unknown or not accepted.
    """
    try:
        found = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no JSON: {_one_line(error)}") from None
    if not isinstance(found, dict):
        raise BadRequest(f"the body must be a JSON object; received {_short(found)}")
    for name in found.keys() - fields.keys():
        if name not in ignored:
            raise BadRequest(f"there is no field {_short(name)}; accepted: {', '.join(fields)}")
        if ignored[name] is not None and found[name] not in ignored[name]:
            raise BadRequest(f"{name} is not supported; leave it out")
    return {name: field.read(name, found.get(name)) for name, field in fields.items()}


def _refuse(name):
    raise ValueError(f"{name} is no number of JSON")


def _is_text(value):
    return not re.search("[\ud800-\udfff]", value)


def _short(value):
    text = json.dumps(value, ensure_ascii=True, default=str)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _one_line(error):
    return " ".join(str(error).split())[:200]
