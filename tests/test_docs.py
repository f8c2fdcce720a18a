"""The pages in docs/: what stands on them runs, leads somewhere and is all there is; two have tests of their own."""

import importlib.util
import io
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
import rich.console
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.cli.main import COMMANDS
from keras_charrnn.model.evaluation import Scorer
from keras_charrnn.recipe import describe_keys
from keras_charrnn.runs import measures
from keras_charrnn.training import callbacks

ROOT = pathlib.Path(keras_charrnn.__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))
RUN_ELSEWHERE = {"plugins.md", "cells.md", "optimizers.md", "tuning.md"}
OTHER_PROGRAMS = {"pip"}  # whose lines are not run
# What every training on a page is given on top, so that it takes seconds; a long window takes longer to compile.
SMALLER = {"training.epochs": 1, "model.units": 16, "model.ngrams": 1, "compute.replicas": 1, "windows.length": 8}
QUICK = {"getting-started.md"}  # the others run among the thorough tests
PLOTTED = {"inspecting.md"}  # the others run without plots too
LINES = (
    'Once upon a time, said the quick brown fox, I jumped over "a lazy dog".\nHow vexingly quick daft zebras jump!\n'
)
RECIPE = {
    "corpus": {"path": "my.txt"},
    "windows": {"batch_size": 8, "length": 8},
    "model": {"cell": "gru", "units": 16, "embedding": 8},
    "training": {"epochs": 2, "clip_norm": 1.0},
    "samples": {"every_epochs": 0},
    "compute": {"precision": "float32", "replicas": 1},
}


def blocks(page):
    """Return the code blocks of a page in order, as pairs (language, code)."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def prose(page):
    """Return a page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def started(once):
    """Return a folder with what Getting started leaves: two texts, a recipe and two runs."""
    return once("started", start)


def start(folder):
    (folder / "my.txt").write_text(LINES * 70)
    (folder / "other.txt").write_text(LINES[::-1].strip() + "\n" + LINES * 15)
    recipe = {**RECIPE, "corpus": {"path": str(folder / "my.txt")}}
    (folder / "my.yaml").write_text(yaml.safe_dump(recipe))
    quiet = rich.console.Console(quiet=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "matplotlib", None)  # no page reads its plots
        keras_charrnn.fit(folder / "my.yaml", runs_dir=folder / "runs", console=quiet)
    shutil.copytree(folder / "runs" / "my-001", folder / "runs" / "my-002")


def fit_smaller(recipe, overrides=None, *arguments, fit=keras_charrnn.fit, **options):
    return fit(recipe, {**(overrides or {}), **SMALLER}, *arguments, **options)


def run_shell(code, monkeypatch):
    for line in code.splitlines():
        program, *arguments = shlex.split(line)
        if program in OTHER_PROGRAMS:
            continue
        assert program == "keras-charrnn", line
        if arguments[0] in ("train", "compare"):
            arguments += ["--quiet", *(part for each in SMALLER.items() for part in ("--set", "{}={}".format(*each)))]
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Once\n/quit\n")))
        assert main(arguments) == 0, line


def marks_of(page):
    marks = [pytest.mark.plots] if page.name in PLOTTED else []
    return marks if page.name in QUICK else [*marks, pytest.mark.thorough]


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=marks_of(page), id=page.name)
        for page in PAGES
        if page.name not in RUN_ELSEWHERE and blocks(page)
    ],
)
def test_what_stands_on_a_page_runs_from_top_to_bottom(page, started, monkeypatch):
    monkeypatch.setattr(Scorer.windows, "__defaults__", (0, 2, "the text"))  # 128 random windows, not 12,800
    monkeypatch.setattr(keras_charrnn, "fit", fit_smaller)
    if any("keras-charrnn new" in code for language, code in blocks(page) if language == "sh"):
        shutil.copy(started / "my.txt", "my.txt")  # the page makes the rest itself
    else:
        shutil.copytree(started, ".", dirs_exist_ok=True)
    names = {"__name__": "page"}
    for language, code in blocks(page):
        file = re.match(r"# (\S+\.(?:py|yaml))\n", code)
        if file:
            pathlib.Path(file[1]).write_text(code)
        elif language == "python":
            exec(compile(code, page.name, "exec"), names)
        elif language == "yaml":
            keras_charrnn.read_recipe({"corpus": {"path": "my.txt"}, **yaml.safe_load(code)})
        elif language == "sh":
            run_shell(code, monkeypatch)
        else:
            pytest.fail(f"nothing runs a block of {language!r}")


def slugs(page):
    """Return the anchors of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).strip().replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", [*PAGES, *sorted(ROOT.glob("*.md"))], ids=lambda page: page.name)
def test_links_and_paths_lead_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        path, _, anchor = link.partition("#")
        if "://" not in link:
            target = page.parent / path if path else page
            assert target.is_file(), link
            assert not anchor or anchor in slugs(target), link
    for path in re.findall(r"\b(?:examples|benchmarks|recipes|docs)/[a-z0-9_/]+\.\w+", prose(page)):
        assert (ROOT / path).exists(), path


def test_every_page_is_reached_from_the_first():
    linked = set(re.findall(r"\]\(([\w-]+\.md)\)", prose(DOCS / "index.md")))
    assert {page.name for page in PAGES} == linked | {"index.md"}
    menu = yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]
    assert set(menu) == {page.name for page in PAGES}


def test_every_key_stands_on_the_page_as_the_code_has_it():
    page = DOCS / "recipes.md"
    spec = importlib.util.spec_from_file_location("recipe_keys", DOCS / "recipe_keys.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = page.read_text(encoding="utf-8")
    assert module.with_tables(text) == text, "out of date: python docs/recipe_keys.py writes it anew"
    for path, _, description, _ in describe_keys():
        assert f"| `{path}` |" in text and description in text


def test_every_public_name_command_callback_and_figure_is_spoken_of():
    pages = {page.name: prose(page) for page in PAGES}
    code = " ".join(re.findall(r"`([^`]+)`", "".join(pages.values())))
    for name in [*keras_charrnn.__all__, *COMMANDS]:
        assert re.search(rf"(?<![\w.]){name}\b", code), name
    for name in callbacks.__all__:
        assert f"`{name}(" in pages["callbacks.md"], name
    for name in measures.Evaluation(1.0, 1, "carried", "text").to_mapping():
        assert f"`{name}`" in pages["evaluation.md"], name


def test_the_site_is_built_and_loads_nothing_from_elsewhere(tmp_path):
    pytest.importorskip("mkdocs", reason="the site needs MkDocs, which the extra docs brings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    subprocess.run([*command, "--config-file", str(ROOT / "mkdocs.yml")], check=True, capture_output=True)
    html = (tmp_path / "site" / "getting-started.html").read_text()
    assert "runs/my-001" in html and not re.search(r"<(?:script|link)[^>]*https?://", html)
    assert not (tmp_path / "site" / "recipe_keys.py").exists()
