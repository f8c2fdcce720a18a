"""Write the tables of recipes.md from what the package itself says of each key.

    python docs/recipe_keys.py

What stands between the two marks of the page is replaced; all else stays as it is.
"""

import dataclasses
import inspect
import pathlib

from keras_charrnn.recipe import Recipe, describe_keys
from keras_charrnn.recipe.checks import show
from keras_charrnn.recipe.sections import keys

PAGE = pathlib.Path(__file__).with_name("recipes.md")
BEGIN, END = "<!-- keys: written by recipe_keys.py -->\n", "<!-- end of the keys -->\n"


HEAD = "| key | default | accepted | meaning |\n|---|---|---|---|\n"


def tables():
    """Return the tables as Markdown: the keys of no section, then a heading, a table and notes for each section."""
    sections = {field.name: field.metadata.get("section") for field in dataclasses.fields(Recipe)}
    rows = {"": []}
    for path, default, description, accepted in describe_keys():
        section = path.partition(".")[0] if "." in path else ""
        rows.setdefault(section, []).append(_row(f"`{path}`", f"`{show(default)}`", accepted, description))
    parts = [f"\n{HEAD}{''.join(rows.pop(''))}"]
    for section, lines in rows.items():
        first, _, rest = inspect.getdoc(sections[section]).partition("\n\n")
        parts.append(f"\n## {section}\n\n{first}\n\n{HEAD}{''.join(lines)}")
        parts += [
            _settings(f"{section}.{name}", each.metadata["check"]) for name, each in keys(sections[section]).items()
        ]
        if rest:
            parts.append(f"\n{rest}\n")
    return "".join(parts) + "\n"


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
        _row(
            f"`{path}.{key}`", f"`{default}`", accepted, "all names" if len(names) == len(by_name) else ", ".join(names)
        )
        for (key, default, accepted), names in settings.items()
    ]
    return f"\n| setting | default | accepted | of |\n|---|---|---|---|\n{''.join(rows)}"


def _row(*cells):
    return "| " + " | ".join(each.replace("|", r"\|") for each in cells) + " |\n"


def with_tables(page):
    """Return the text of a page with the tables between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    return f"{before}{begin}{tables()}{end}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
