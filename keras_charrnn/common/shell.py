"""Command lines to paste into a shell."""

import pathlib
import re
import shlex

VERBATIM = "    "  # begins a line of a message that a screen never wraps


def command(*words):
    """Return a command line of this program, of words that are str or paths; a path is never taken as an option."""
    return " ".join(["keras-charrnn", *map(quote, words)])


def command_line(*words):
    """Return `command` as a line of a message."""
    return VERBATIM + command(*words)


def quote(word):
    """Return a word as a shell reads it: `runs/my-001`, `'my runs/my-001'`, `./-runs/my-001`; a str or a path."""
    dash = isinstance(word, pathlib.PurePath) and str(word).startswith("-")
    text = f"./{word}" if dash else str(word)
    if text.isprintable():
        return shlex.quote(text)
    # Line ends, other control characters, and bytes that are not UTF-8, as bash, zsh and ksh read them.
    data = text.encode("utf-8", "surrogateescape")
    return "$'" + re.sub(rb"[^ -&(-\[\]-~]", lambda found: b"\\%03o" % ord(found[0]), data).decode() + "'"
