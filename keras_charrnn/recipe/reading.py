"""YAML files into plain values, with the safe loader and limits that a recipe never reaches."""

import codecs
import re

import yaml

from keras_charrnn.common import ready
from keras_charrnn.common.files import is_stream, name_of, open_bytes, user_path
from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe import schema
from keras_charrnn.recipe.checks import join
from keras_charrnn.recipe.complaints import told

MAX_BYTES = 200_000  # PyYAML takes seconds for more
MAX_DEPTH = 20
MAX_VALUES = 50_000  # after expanding aliases, where nine lines of YAML can otherwise mean 10**9 values
FOR_A_TEXT = "for a text `keras-charrnn new` writes one"
_COMMENT = re.compile(r"( +)#(?![ \t#])")


def load_file(path):
    """Read a YAML file, a pipe or, for "-", standard input.

    Returns:
        Its value, and a list of problems: keys that are given twice.

    Raises:
        RecipeError: If there is no such file, or it is a folder, empty, too large, not UTF-8 (nor UTF-16 with a mark
            at its beginning) or no YAML.
    """
    if is_stream(path):
        given, path = path, name_of(path)
    else:
        given = path = user_path(path)
        if path.is_dir():
            raise RecipeError("is a folder; a recipe is a YAML file", path)
        if not path.is_file():
            near = suggest(path.name, [*(each.name for each in path.parent.glob("*.y*ml")), *ready.recipes()])
            raise RecipeError(f"there is no such file{near}", path)
    try:
        with open_bytes(given) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot be read: {error.strerror}", path) from error
    if len(data) > MAX_BYTES:
        raise RecipeError(f"is larger than {MAX_BYTES:,} bytes, too much for a recipe; {FOR_A_TEXT}", path)
    try:  # Notepad's "Unicode" is UTF-16, with a mark
        text = data.decode("utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        place = f"byte {error.start} (0x{data[error.start]:02x}), in line {line}"
        raise RecipeError(f"is not {error.encoding.upper()}: {place}; save it as UTF-8", path) from error
    value, problems = load_text(text.removeprefix("\ufeff"), path)
    if value is None and not problems:
        raise RecipeError("is empty; write at least `corpus: {path: my.txt}`", path)
    return value, problems


def load_text(text, source):
    """Read YAML text; like `load_file`.

    Raises:
        RecipeError: If it is no YAML, or passes the limits; with line and column.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, []
        problems = list(_duplicates(node))
        return loader.construct_document(node), problems
    except yaml.MarkedYAMLError as error:
        raise RecipeError(told(error, text), source) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        advice = "; save it as UTF-8" if error.character == 0 else ""
        raise RecipeError(
            f"line {line}: no valid YAML: character {error.character:#x} is not allowed{advice}", source
        ) from error


class _Loader(schema.Loader):
    """The safe loader, all of whose failures are YAML errors with a place."""

    depth = 0

    def get_single_node(self):
        """Return the document; refuse what would leave a text out without a word: `prefix: &c`, `prefix: #include`."""
        self.named, self.referred = {}, set()
        node = super().get_single_node()
        for name, mark in self.named.items():
            if name not in self.referred:
                problem = f"found the anchor {name!r}, which no alias refers to"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        return node

    def compose_node(self, parent, index):
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            self.referred.add(event.anchor)
        elif isinstance(event, yaml.ScalarEvent) and event.anchor:
            self.named[event.anchor] = event.start_mark
        self.refuse_comment(event)
        if getattr(event, "tag", None) == "!":
            raise yaml.MarkedYAMLError(problem="found a tag without a name", problem_mark=event.start_mark)
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested more than {MAX_DEPTH} deep", problem_mark=event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def refuse_comment(self, event):
        """Refuse a # with no space behind it where a value is missing."""
        mark = event.end_mark
        empty = isinstance(event, yaml.ScalarEvent) and not event.value and event.style is None
        if empty and (found := _COMMENT.match(mark.buffer, mark.pointer)):
            problem = "found a comment, without a space behind its #, in the place of a value"
            place = yaml.Mark(mark.name, mark.index, mark.line, mark.column + len(found[1]), mark.buffer, mark.pointer)
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=place)

    def construct_object(self, node, deep=False):
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # what PyYAML lets out: !!int x
            raise yaml.MarkedYAMLError(problem=f"not a value: {error}", problem_mark=node.start_mark) from error


def _duplicates(node):
    """Yield a problem for each key that is given twice, of which PyYAML would take the last without a word."""
    pending, visited = [(node, "", 1)], 0
    while pending:
        node, path, depth = pending.pop()
        visited += 1
        if visited > MAX_VALUES or depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem="too many values, or aliases of aliases", problem_mark=node.start_mark)
        if isinstance(node, yaml.SequenceNode):
            pending += [(each, f"{path}[{i}]", depth + 1) for i, each in enumerate(node.value)]
        elif isinstance(node, yaml.MappingNode):
            lines = {}
            for name, value in node.value:
                line = name.start_mark.line + 1
                label = join(path, name.value if isinstance(name, yaml.ScalarNode) else "?")
                if isinstance(name, yaml.ScalarNode):
                    if name.value in lines:
                        yield f"{label}: is given twice, in lines {lines[name.value]} and {line}"
                    lines.setdefault(name.value, line)
                pending.append((value, label, depth + 1))
