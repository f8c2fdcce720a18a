"""Python's standard library as a text: there on every machine, with no network."""

import pathlib
import sysconfig

from keras_charrnn.registry import register_corpus
from keras_charrnn.text.corpora.text import from_bytes

MAX_BYTES = 2_000_000
OTHERS = {"site-packages", "dist-packages", "__pycache__"}  # not of the standard library


@register_corpus("python_stdlib")
def python_stdlib(max_bytes=None):
    """Source files of the running interpreter's standard library, in order of path, up to 2 MB of them."""
    root = pathlib.Path(sysconfig.get_path("stdlib"))
    limit = MAX_BYTES if max_bytes is None else max_bytes
    pieces, size = [], 0
    for path in sorted(root.rglob("*.py")):
        if size >= limit:
            break
        data = path.read_bytes()
        if OTHERS.isdisjoint(path.relative_to(root).parts) and _is_utf8(data):
            pieces.append((path, data))
            size += len(data)
    return from_bytes("python_stdlib", pieces, str(root), limit)


def _is_utf8(data):
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:  # some of the interpreter's own tests are in other encodings on purpose
        return False
    return True
