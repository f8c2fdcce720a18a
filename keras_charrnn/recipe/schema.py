"""What a plain word in YAML is: the core schema of YAML 1.2, for what is read and for what is written.

`no`, `on`, 10:00, 1_000 and 2024-01-01 are texts, 010 is ten, and 1e-3 is a number. PyYAML's own rules are those of
YAML 1.1, by which the first five are something else than they look like.
"""

import re
from typing import ClassVar

import yaml

_TAG = "tag:yaml.org,2002:"
_INT = re.compile(r"[-+]?[0-9]{1,4300}\Z|0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")  # of more digits Python makes no int
_SPECIAL = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_FLOAT = re.compile(rf"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z|{_SPECIAL.pattern}")
_NULL = re.compile(r"(?:null|Null|NULL|~|)\Z")
_BOOL = re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z")
_MERGE = re.compile(r"<<\Z")  # no part of the core schema: `<<: *base` lays one mapping under another


def _int(text):
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))


def _float(text):
    return float(text.replace(".", "") if _SPECIAL.match(text) else text)


# In order, for whole numbers are written as others may be too.
_KINDS = {
    "null": (_NULL, lambda text: None),
    "bool": (_BOOL, lambda text: text.lower() == "true"),
    "int": (_INT, _int),
    "float": (_FLOAT, _float),
    "merge": (_MERGE, str),
}


class _Schema:
    yaml_implicit_resolvers: ClassVar = {None: [(_TAG + kind, pattern) for kind, (pattern, _) in _KINDS.items()]}


class Loader(_Schema, yaml.SafeLoader):
    """PyYAML's safe loader with the core schema."""

    def construct_scalar(self, node):
        """Return the text of a scalar, in which JSON may have written one character as two halves: \\ud83d\\ude00."""
        return super().construct_scalar(node).encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")

    def construct_core(self, node):
        """Return the value of a scalar, whose kind may be forced upon it: `!!int x`."""
        pattern, convert = _KINDS[node.tag.removeprefix(_TAG)]
        text = self.construct_scalar(node)
        if not pattern.match(text):
            raise ValueError(f"{text[:60]!r} is not of the kind {node.tag.removeprefix(_TAG)}")
        return convert(text)


for _kind in _KINDS:
    Loader.add_constructor(_TAG + _kind, Loader.construct_core)


class _Dumper(_Schema, yaml.SafeDumper):
    """PyYAML's safe dumper, which quotes the texts that `Loader` would take for something else."""

    def represent_text(self, text):
        """Write rare line ends as escapes, which PyYAML would take for plain ones when it reads them again."""
        style = '"' if re.search("[\x85\u2028\u2029]", text) else None
        return self.represent_scalar(_TAG + "str", text, style)


_Dumper.add_representer(str, _Dumper.represent_text)


def plain_value(text):
    """Return what a text is that stands in YAML without quotes, all of it: a number, true, false, null, or the text."""
    return next((convert(text) for pattern, convert in _KINDS.values() if pattern.match(text)), text)


def dump(value, **options):
    """Return YAML that `Loader` reads as the same value; options as of PyYAML's `dump`."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, **options)
