"""What a record of a table becomes."""

import string

from keras_charrnn.common.escapes import unescape
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CorpusError, SettingsError


class Template:
    """What a record becomes: a text with fields in braces, "{title}\\n{text}\\n\\n"; {{ and }} are braces.

    Args:
        text: The template, with the escapes of `common.escapes`.

    Attributes:
        fields: Their names, in the order in which they stand.

    Raises:
        SettingsError: If it has no field, or braces that do not match.
    """

    def __init__(self, text):
        try:
            self._parts = [*string.Formatter().parse(unescape(text))]
        except ValueError as error:
            raise SettingsError(f"the template {text!r} cannot be: {error}; {{{{ and }}}} are braces") from error
        self.text, self.fields = text, [name for _, name, _, _ in self._parts if name is not None]
        if any(not name or spec or conversion for _, name, spec, conversion in self._parts if name is not None):
            raise SettingsError(f"the template {text!r} has braces around something else than the name of a field")
        if not self.fields:
            raise SettingsError(f"the template {text!r} names no field; write one in braces, as in {{text}}")

    def fill(self, record, where):
        """Return the text of a record.

        Args:
            record: A mapping.
            where: What it is, for the message.

        Raises:
            CorpusError: If it has not all the fields, or one is no text.
        """
        pieces = []
        for text, name, _, _ in self._parts:
            pieces.append(text)
            if name is not None:
                pieces.append(_field(record, name, where))
        return "".join(pieces)

    def begin(self, values):
        """Return the text up to the first field that is not given.

        Args:
            values: Mapping from fields to texts.

        Raises:
            SettingsError: If there is no field of a name, or one is given behind one that is not.
        """
        begun, left = "", dict(values)
        for text, name, _, _ in self._parts:
            begun += text
            if name is None:
                continue
            if name not in values:
                break
            begun += values[name]
            left.pop(name, None)
        for name in left:
            if name not in self.fields:
                near = suggest(name, self.fields)
                raise SettingsError(f"the template has no field {name!r}{near} (fields: {', '.join(self.fields)})")
            first = next(each for each in self.fields if each not in values)
            raise SettingsError(f"the field {name!r} stands behind {first!r}, which is not given; give that too")
        return begun


def _field(record, name, where):
    if name not in record:
        names = [*record]
        fields = ", ".join(names[:20])
        raise CorpusError(
            f"{where} has no field {name!r}{suggest(name, names)} (fields: {fields}); see corpus.template"
        )
    if not isinstance(record[name], str):
        raise CorpusError(f"{where}: the field {name!r} is {kind(record[name])}, not a text")
    if not record[name].isascii():
        try:
            record[name].encode()
        except UnicodeEncodeError as error:  # which JSON's escapes can write
            half = f"U+{ord(record[name][error.start]):04X}"
            raise CorpusError(f"{where}: the field {name!r} has {half}, half of a character") from error
    return record[name]


def kind(value):
    """Return what a value of JSON is, in words."""
    kinds = {type(None): "null", bool: "true or false", list: "a list", dict: "an object", str: "a text"}
    return kinds.get(type(value)) or f"a number, {value!r}"
