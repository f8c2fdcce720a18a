"""The page to write with: what is served, and what an exported file has in it. The browser does the rest."""

import pathlib
import re

FOLDER = pathlib.Path(__file__).parent
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'wasm-unsafe-eval'{more}"
)


def read_asset(name):
    """Return the text of a file of the page."""
    return (FOLDER / name).read_text(encoding="utf-8")


def page_of(title, scripts, more=""):
    """Return the whole page.

    Args:
        title: Plain text.
        scripts: JavaScript that defines `makeEngine`, by which the page gets at models.
        more: Of its policy, what besides itself it may ask for; by itself nothing.
    """
    shown = title.replace("&", "&amp;").replace("<", "&lt;")
    parts = {"title": shown, "policy": POLICY.format(more=more), "style": read_asset("page.css")}
    parts["script"] = f"{scripts}\n{read_asset('page.js')}"
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], read_asset("page.html"))
