"""What to do about YAML that cannot be read: told by the parser's complaint and the line that it is about."""

import re

from keras_charrnn.recipe.checks import show
from keras_charrnn.recipe.hints import for_lookalikes

_LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")  # as PyYAML counts lines


def told(error, text):
    """Return the message on what PyYAML says of a text: the place, the complaint, the line, and what to do."""
    context, problem = error.context or "", error.problem or ""
    begun, found = error.context_mark, error.problem_mark
    is_open = "flow" in context and (begun.line < found.line or "stream end" in problem)
    mark = begun if begun and (is_open or "scanning" in context or not found) else found
    before, line = ["", *_LINE_END.split(text), ""][mark.line : mark.line + 2]
    reason = ", ".join(filter(None, (context, problem)))
    sign = line[mark.column : mark.column + 1]
    opened = f"the {sign} there" if sign else "a bracket or brace before the end"
    advice = f"{opened} is not closed" if is_open else _advice(reason, before, line, mark.column)
    where = f" in {show(line.strip())}" if line.strip() else ""
    return f"line {mark.line + 1}, column {mark.column + 1}: no valid YAML: {reason}{where}{advice and f'; {advice}'}"


def _advice(reason, before, line, column):
    """Return what to do about a complaint of PyYAML's: the advice of the first pattern that it fits."""
    keys = "a key has a colon and a space behind it, and keys side by side begin in the same column"
    colon = 'a text with a colon goes into quotes, a mapping into braces, as in "ROMEO:" and {units: 3}'
    other = "a text with a quote in it goes into quotes of the other kind"
    sign = line[column : column + 1]
    causes = (
        (r"'\\t'", "a tab is no space in YAML; write spaces"),
        ("escape", "a backslash in double quotes begins a sign, as in \\n; write a path in single quotes, or with /"),
        ("quoted scalar", f"the quote there is not closed; {other}"),
        ("", for_lookalikes(before + line)),
        ("values are not allowed|got ':'", colon if ":" in line[:column] else keys),
        ("((block end|document start)>.*found|got) '<scalar>'", f"something follows a closing quote; {other}"),
        ("unhashable", 'a text in braces goes into quotes, as in "{{…}}"'),
        (
            "cannot start|not allowed here|alias|anchor|tag|block scalar|node content|comment",
            f'a text that begins with {sign} goes into quotes, as in "{sign}…"',
        ),
        ("block end|simple key", keys),
    )
    return next((advice for pattern, advice in causes if advice and re.search(pattern, reason)), "")
