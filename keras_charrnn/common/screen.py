"""What goes to a screen: text of a model or a user as it is, and messages; neither of them steers the terminal."""

import errno
import itertools
import os
import re
import sys

import rich.cells
import rich.console
import rich.segment
import rich.style
import rich.text

from keras_charrnn.common.shell import VERBATIM
from keras_charrnn.errors import WriteError

# A model that has learnt control characters must not steer the terminal: they are shown by their pictures.
_PICTURES = {code: 0x2400 + code for code in range(32) if code not in (ord("\n"), ord("\t"))} | {0x7F: 0x2421}
_PICTURES |= {code: ord("\N{REPLACEMENT CHARACTER}") for code in (*range(0x80, 0xA0), *range(0xD800, 0xE000))}

# A word of a message, with the blanks before it; what is in quotes is one word: a path may have blanks.
_WORD = re.compile(r"""(\s*)([(\[{$]*(?:'[^']*'|"[^"]*"|`[^`]*`)(?:'[^']*'|"[^"]*"|\S)*|\S+)""")
_LABEL = re.compile(r" *(?:- |\w+ {2,})?")  # what the further rows of a line are indented by


class Screen(rich.console.Console):
    """Standard output, or standard error, for whatever is shown: Rich without markup, emoji and colours of its own.

    What the stream's encoding lacks is shown as a question mark, or as the stream's own error handler has it.

    Args:
        stderr: Whether it is standard error.
        quiet: Whether to show nothing.
        lasting: Whether work goes on where nobody reads any more, the terminal closed or the reader of the pipe gone;
            else showing raises OSError then.

    Where the stream cannot be written for another reason, as a file on a full disk, showing raises `WriteError`.
    """

    def __init__(self, stderr=False, quiet=False, lasting=False):
        stream = sys.stderr if stderr else sys.stdout
        file = None if stream is None else _Stream(stream, lasting)
        super().__init__(file=file, stderr=stderr, quiet=quiet, markup=False, emoji=False, highlight=False)

    def on_broken_pipe(self):
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))  # Rich would end the program, with status 1


class _Stream:
    """A stream of text that takes every character."""

    def __init__(self, stream, lasting):
        self._stream, self._lasting = stream, lasting

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text):
        try:
            self._stream.write(_encodable(text, self._stream))
        except OSError as error:
            self._give_up(error)

    def flush(self):
        try:
            self._stream.flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error):
        """Send to nowhere what nobody reads any more, with what the stream still holds."""
        if error.errno not in (errno.EIO, errno.EPIPE):
            raise WriteError(f"what is shown cannot be written: {error.strerror}") from error
        if not self._lasting:
            raise error
        os.dup2(os.open(os.devnull, os.O_WRONLY), self._stream.fileno())


def _encodable(text, stream):
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        text.encode(encoding, getattr(stream, "errors", None) or "strict")
    except UnicodeEncodeError:
        return text.encode(encoding, "replace").decode(encoding)
    return text


def visible(text):
    """Return a text with control characters made visible, all but line ends and tabs."""
    return text.translate(_PICTURES)


def cell(text, style=""):
    """Return a text for a table of Rich: all of it, with control characters made visible."""
    return rich.text.Text(visible(str(text)), style, overflow="fold")


def beginning(text, width):
    """Return as much of a text, from its beginning, as a row of so many cells holds; some characters take two."""
    ends = itertools.accumulate(map(rich.cells.cell_len, text))
    return text[: sum(end <= width for end in ends)]


def show(console, text, style="", end="\n"):
    """Show text of a model or a user as it is; on a terminal, which alone wraps it, control characters by pictures.

    Args:
        console: A `rich.console.Console`.
        text: A str.
        style: Of Rich, for a terminal.
        end: What follows it.
    """
    shown = rich.segment.Segment(visible(text) if _is_screen(console) else text, rich.style.Style.parse(style))
    console.print(rich.segment.Segments([shown, rich.segment.Segment(end)]), end="", crop=False)


def say(console, message, style=""):
    """Say a message: on a terminal its lines wrap at words, into a file or pipe they stay as they are.

    What is in quotes stays together, and so does a line that begins with `shell.VERBATIM`, a command to paste.
    """
    message = visible(message)
    if _is_screen(console):
        message = "\n".join(_wrap(line, console.width) for line in message.split("\n"))
    show(console, message, style)


def say_notes(console, *notes):
    """Show what a user must know, each in a sentence, "" for nothing."""
    for each in filter(None, notes):
        say(console, f"note     {each}")


def has_bars(console):
    """Whether a console can show a bar: it is a terminal, and one whose lines can be written anew."""
    return console.is_terminal and not console.is_dumb_terminal


def _is_screen(console):
    """Whether somebody looks at a console: FORCE_COLOR makes no terminal of a file."""
    return getattr(console.file, "isatty", bool)()


def _wrap(line, width):
    if line.startswith(VERBATIM) or rich.cells.cell_len(line) <= width:
        return line
    rows, indent = [""], " " * _LABEL.match(line).end()
    for blanks, word in _WORD.findall(line):
        if rows[-1].strip() and rich.cells.cell_len(rows[-1] + blanks + word) > width:
            rows.append(indent + word)
        else:
            rows[-1] += blanks + word
    return "\n".join(rows)
