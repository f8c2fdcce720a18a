"""Write the tables of recipes.md from what the package itself says of each key.

    python docs/recipe_keys.py

What stands between the two marks of the page is replaced; all else stays as it is.
"""

import dataclasses
import inspect
import pathlib

from keras_charrnn.recipe import Recipe, describe_keys
from keras_charrnn.recipe.checks import show
from keras_charrnn.recipe.section import keys

PAGE = pathlib.Path(__file__).with_name("recipes.md")
BEGIN, END = "<!-- keys: written by recipe_keys.py -->\n", "<!-- end of the keys -->\n"


HEAD = "| key | default | meaning | accepted |\n|---|---|---|---|\n"


def tables():
    """Return the tables as Markdown: the keys of no section, then a heading, tables and notes for each section."""
    sections = {field.name: field.metadata.get("section") for field in dataclasses.fields(Recipe)}
    checks = {name: each.metadata["check"] for name, each in _all_keys(sections)}
    rows = {"": []}
    for path, default, meaning, accepted in describe_keys():
        section = path.partition(".")[0] if "." in path else ""
        rows.setdefault(section, []).append(
            _row(f"`{path}`", f"`{show(default)}`", meaning, _brief(checks.get(path), accepted))
        )
    parts = [f"\n{HEAD}{''.join(rows.pop(''))}"]
    for section, lines in rows.items():
        first, _, rest = inspect.getdoc(sections[section]).partition("\n\n")
        parts.append(f"\n## {section}\n\n{first}\n\n{HEAD}{''.join(lines)}")
        parts += [_settings(path, check) for path, check in checks.items() if path.startswith(f"{section}.")]
        if rest:
            parts.append(f"\n{rest}\n")
    return "".join(parts) + "\n"


def _all_keys(sections):
    """Yield (path, field) of each key of a section."""
    for section, cls in sections.items():
        if cls is not None:
            yield from ((f"{section}.{name}", field) for name, field in keys(cls).items())


def _brief(check, accepted):
    """Return what is accepted in words, without the settings that have a table of their own."""
    if not getattr(check, "settings", None):
        return accepted
    further = f", and {check.further}" if check.further else ""
    return f"{check.name.accepted}; settings below{further}"


def _settings(path, check):
    """Return the table of the settings that names as the value of a key have; "" for other keys."""
    by_name = getattr(check, "settings", {})
    settings = {}
    for name, each in by_name.items():
        for key, (default, accepted) in each.items():
            settings.setdefault((key, show(default), accepted.accepted), []).append(name)
    if not settings:
        return ""
    rows = [
        _row(f"`{path}.{key}`", f"`{default}`", "all" if len(names) == len(by_name) else ", ".join(names), accepted)
        for (key, default, accepted), names in settings.items()
    ]
    return f"\n| setting | default | of | accepted |\n|---|---|---|---|\n{''.join(rows)}"


def _row(*cells):
    return "| " + " | ".join(each.replace("|", r"\|") for each in cells) + " |\n"


def with_tables(page):
    """Return the text of a page with the tables between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}{tables()}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
