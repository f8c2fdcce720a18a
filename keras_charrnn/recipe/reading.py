"""YAML files into plain values, with the safe loader and limits that a recipe never reaches."""

import pathlib

import yaml

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe.checks import join

MAX_BYTES = 200_000  # PyYAML takes seconds for more
MAX_DEPTH = 20
MAX_NUMBER = 1_000  # characters; 1:1:1:… is a number to the base 60, which takes the square of its length
MAX_VALUES = 50_000  # after expanding aliases, where nine lines of YAML can otherwise mean 10**9 values


def load_file(path):
    """Read a YAML file.

    Returns:
        Its value, and a list of problems: keys that are given twice.

    Raises:
        RecipeError: If there is no such file, or it is a folder, empty, too large, not UTF-8 or no YAML.
    """
    path = pathlib.Path(path)
    try:
        if path.is_dir():
            raise RecipeError("is a folder; a recipe is a YAML file", path)
        if not path.is_file():
            near = suggest(path.name, [each.name for each in path.parent.glob("*.y*ml")])
            raise RecipeError(f"there is no such file{near}", path)
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RecipeError(f"cannot be read: {error.strerror}", path) from error
    if len(data) > MAX_BYTES:
        raise RecipeError(f"is larger than {MAX_BYTES:,} bytes, too much for a recipe", path)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise RecipeError(
            f"is not UTF-8: byte {error.start} (0x{data[error.start]:02x}), in line {line}; save it as UTF-8", path
        ) from error
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
        mark = error.problem_mark or error.context_mark
        reason = ", ".join(filter(None, (error.context, error.problem)))
        raise RecipeError(f"line {mark.line + 1}, column {mark.column + 1}: no valid YAML: {reason}", source) from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RecipeError(
            f"line {line}: no valid YAML: character {error.character:#x} is not allowed", source
        ) from error


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, all of whose failures are YAML errors with a place."""

    depth = 0

    def compose_node(self, parent, index):
        self.depth += 1
        if self.depth > MAX_DEPTH:
            mark = self.peek_event().start_mark
            raise yaml.MarkedYAMLError(problem=f"nested more than {MAX_DEPTH} deep", problem_mark=mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_object(self, node, deep=False):
        text = node.tag == self.DEFAULT_SCALAR_TAG or not isinstance(node, yaml.ScalarNode)
        if not text and len(node.value) > MAX_NUMBER:
            problem = f"a number, date or the like of more than {MAX_NUMBER:,} characters"
            raise yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)
        try:
            return super().construct_object(node, deep)
        except (ValueError, LookupError, TypeError, AttributeError) as error:  # what PyYAML lets out: 2024-99-99
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
                if isinstance(name, yaml.ScalarNode) and lines.setdefault(name.value, line) is not line:
                    yield f"{label}: is given twice, in lines {lines[name.value]} and {line}"
                pending.append((value, label, depth + 1))
