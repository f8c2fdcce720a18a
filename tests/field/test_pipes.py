"""Texts and recipes that can be read but once: standard input, pipes that have a name, and those of a shell's <(…)."""

import contextlib
import gzip
import hashlib
import io
import json
import os
import pathlib
import shutil
import sys
import tempfile
import threading

import pytest
import yaml

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common.keras_settings import require_tensorflow
from keras_charrnn.errors import CorpusError
from keras_charrnn.recipe import parse_override, read
from keras_charrnn.studies.comparison import compare
from keras_charrnn.text import corpora
from tests.conftest import TEXT


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_CHARRNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def pipe(monkeypatch):
    """Return a function that puts bytes into a pipe of a kind, and returns its path."""
    with contextlib.ExitStack() as stack:

        def make(kind, data):
            if kind == "-":
                monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
                return "-"
            if kind == "named":
                os.mkfifo("pipe.txt")
                target = "pipe.txt"
            else:
                reading, writing = os.pipe()
                stack.callback(os.close, reading)
                target, path = writing, f"/dev/fd/{reading}"
            writer = threading.Thread(target=write, args=(target, data))
            writer.start()
            stack.callback(writer.join)
            return path if kind == "shell's" else target

        def write(target, data):
            with open(target, "wb") as file, contextlib.suppress(BrokenPipeError):  # noqa: PTH123 (of a descriptor too)
                file.write(data)

        yield make


KINDS = ["-", "named", "shell's"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_a_pipe_is_a_text_that_can_be_read_again_as_long_as_it_is_there(pipe, cache, kind, pack):
    text = corpora.load(path=pipe(kind, pack(TEXT.encode("utf-16"))))
    assert text.text == text.text == TEXT and text.name == "text"
    assert text.source == ("standard input" if kind == "-" else text.source) and not cache.exists()


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        ("score", "named"),
        ("evaluate", "-"),
        ("evaluate", "shell's"),
        pytest.param("inspect", "named", marks=pytest.mark.thorough),
    ],
)
def test_commands_take_a_pipe_for_a_text(trained, pipe, command, kind, capsys):
    path = pipe(kind, TEXT.encode())
    option = [] if command == "score" else ["--text"]
    as_json = [] if command == "inspect" else ["--json"]
    assert main([command, str(trained.folder), *option, path, *as_json]) == 0
    out, err = capsys.readouterr()
    assert err == ""
    if command == "inspect":
        assert "the␣quick␣brown␣fox" in out
    else:
        document = json.loads(out)
        figures = document[0] if command == "evaluate" else document
        assert figures["characters"] == len(TEXT) - 1
        assert figures["corpus"] == ("standard input" if kind == "-" else path)


def test_a_run_keeps_the_text_of_a_pipe_and_needs_no_pipe_to_resume_or_be_evaluated(tiny, pipe, cache, console):
    data = TEXT.encode()
    kept = cache / "texts" / f"{hashlib.sha256(data).hexdigest()}.txt"
    tiny["corpus"]["path"] = pipe("shell's", data)
    del tiny["name"]
    recipe = pipe("-", yaml.safe_dump(tiny).encode())
    run = keras_charrnn.fit(recipe, {"training.epochs": 1}, console=console)
    assert run.folder == pathlib.Path("runs/run-001")
    assert kept.read_bytes() == data and read(run.folder / "recipe.yaml").corpus.path == str(kept)
    shown = console.export_text()
    assert f"the text of a pipe is kept for this run in {kept}" in shown and "corpus   text: 3,280 characters" in shown
    assert keras_charrnn.evaluate(run.folder).corpus == "text"
    assert keras_charrnn.resume(run.folder, console=console).metrics == run.metrics
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]


@pytest.mark.parametrize("place", ["/dev/fd/{}", "/proc/self/fd/{}"])
def test_what_a_process_has_open_is_kept_though_it_is_a_file(place, cache):
    pathlib.Path("a.txt").write_text(TEXT)
    with pathlib.Path("a.txt").open() as file:
        kept = corpora.keep(place.format(file.fileno()))
    assert kept.startswith(str(cache)) and corpora.load(path=kept).text == TEXT


def test_texts_are_kept_under_an_absolute_path(pipe, monkeypatch):
    monkeypatch.setenv("KERAS_CHARRNN_CACHE", "cache")
    assert corpora.keep(pipe("-", b"text")).startswith(f"{pathlib.Path.cwd()}/cache/texts/")


def test_who_has_no_home_keeps_texts_in_a_temporary_folder(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_CHARRNN_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert corpora.cache_folder() == pathlib.Path(tempfile.gettempdir()) / "keras_charrnn"
    require_tensorflow()  # looks for Keras's file of settings


def test_each_text_of_a_list_is_kept_up_to_the_limit(pipe, cache):
    pathlib.Path("a.txt").write_text("a")
    paths = corpora.keep(("a.txt", pipe("shell's", gzip.compress(b"bbb")), pipe("-", b"ccc"), "*.txt"), max_bytes=2)
    assert [paths[0], paths[3]] == ["a.txt", "*.txt"]
    assert corpora.load(path=paths[1:3]).text == "bbcc" and corpora.keep(paths) == paths
    assert corpora.keep(None) is None and corpora.keep("a.txt") == "a.txt"


@pytest.mark.thorough
def test_a_comparison_reads_the_pipe_once(tiny, pipe, cache, console):
    tiny["corpus"]["path"] = pipe("named", TEXT.encode())
    comparison = compare(tiny, ["gru"], seeds=2, overrides={"training.epochs": 1}, console=console)
    assert not comparison.failed
    (kept,) = (cache / "texts").iterdir()
    for trial in comparison.variants[0].trials:
        assert read(comparison.folder / trial.run / "recipe.yaml").corpus.path == str(kept)


@pytest.mark.parametrize("kind", KINDS)
def test_a_recipe_from_a_pipe_starts_from_the_current_folder(pipe, kind, capsys, tmp_path):
    pathlib.Path("a.txt").write_text(TEXT)
    recipe = read(pipe(kind, b"corpus: {path: a.txt}\n"))
    assert recipe.name == "run" and recipe.corpus.path == str(tmp_path / "a.txt")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"corpus: {path: a.txt}\n", ""),
        (b"", "standard input: 1 problem\n  - is empty; write at least"),
        (b"corpus: [", "standard input: 1 problem\n  - line 1, column 10: no valid YAML"),
        (b"corpus: {pth: a.txt}\n", "standard input: 1 problem\n  - corpus.pth: unknown key, did you mean 'path'?"),
        (b"\xff", "standard input: 1 problem\n  - is not UTF-8: byte 0 (0xff), in line 1"),
    ],
)
def test_check_takes_standard_input(pipe, data, message, capsys):
    assert main(["check", pipe("-", data)]) == (2 if message else 0)
    out, err = capsys.readouterr()
    assert (message in err and out == "") if message else out.endswith("standard input is fine\n")


def test_standard_input_may_be_the_text_of_a_recipe_and_of_an_override(pipe, tmp_path):
    assert read({"corpus": {"path": "-"}}).corpus.path == "-"
    assert read({"corpus": {"path": ["./-", "-"]}}).corpus.path == (str(tmp_path / "-"), "-")
    assert parse_override("corpus.path=-") == ("corpus.path", "-")
    pathlib.Path("-").write_text("a file")
    assert corpora.load(path="./-").text == "a file"


def test_new_keeps_the_text_of_a_pipe_beside_the_recipe(pipe, capsys):
    data = (TEXT * 2).replace("\n", "\r\n").encode("utf-16")
    assert main(["new", pipe("-", data)]) == 0
    assert capsys.readouterr().out.endswith("keras-charrnn train text.yaml\n")
    assert pathlib.Path("text.txt").read_bytes() == (TEXT * 2).encode()
    assert yaml.safe_load(pathlib.Path("text.yaml").read_text())["corpus"] == {"path": "text.txt"}
    assert sorted(each.name for each in pathlib.Path().iterdir()) == ["text.txt", "text.yaml"]


@pytest.mark.parametrize(
    ("data", "output", "message"),
    [
        (TEXT.encode(), "a.yaml", "text.txt, where the text is to be kept, exists already; name another folder with"),
        (TEXT.encode(), "none/a.yaml", "none/text.txt cannot be written: No such file or directory"),
        (b"short", "b/a.yaml", "5 characters are too few to learn from"),
        (b"", "b/a.yaml", "(standard input) is empty"),
        (b"%PDF-1.7", "b/a.yaml", "standard input is a PDF file"),
        (b"\xff", "b/a.yaml", "standard input is not UTF-8: byte 0"),
    ],
)
def test_a_pipe_of_which_new_makes_nothing_leaves_nothing(pipe, data, output, message, capsys):
    pathlib.Path("text.txt").write_text("mine")
    pathlib.Path("b").mkdir()
    assert main(["new", pipe("-", data), "--output", output]) in (1, 2)
    assert message in capsys.readouterr().err
    assert sorted(each.name for each in pathlib.Path().rglob("*")) == ["b", "text.txt"]
    assert pathlib.Path("text.txt").read_text() == "mine"


def test_what_cannot_be_read_or_kept_says_so(pipe, cache, monkeypatch):
    with pytest.raises(CorpusError, match=r"^standard input is empty; give it some text$"):
        corpora.keep(pipe("-", b""))
    assert not list((cache / "texts").iterdir())
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(CorpusError, match="standard input cannot be read: it is closed"):
        corpora.load(path="-")
    shutil.rmtree(cache)
    cache.write_text("a file")
    with pytest.raises(keras_charrnn.errors.WriteError, match=r"standard input cannot be kept in .*_CACHE"):
        corpora.keep(pipe("-", b"text"))
