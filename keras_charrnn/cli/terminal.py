"""What a terminal may be sent."""

import sys

# A model that has learnt control characters must not steer the terminal: they are shown by their pictures.
_PICTURES = {code: 0x2400 + code for code in range(32) if code not in (ord("\n"), ord("\t"))} | {0x7F: 0x2421}
_PICTURES |= {code: ord("\N{REPLACEMENT CHARACTER}") for code in (*range(0x80, 0xA0), *range(0xD800, 0xE000))}


def visible(text):
    """Return a text with control characters made visible, all but line ends and tabs."""
    return text.translate(_PICTURES)


def is_interactive():
    """Whether somebody sits before the program: standard input and output are a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()
