"""Files and folders with any names: of any script, with spaces, brackets, tildes and dashes, of runs, and not UTF-8."""

import os
import pathlib
import shutil
import subprocess
import sys
import unicodedata

import keras
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common.files import clean_name, is_name, user_path
from keras_charrnn.errors import CorpusError, RecipeError, SettingsError
from keras_charrnn.recipe import read
from keras_charrnn.runs import RunFolder
from keras_charrnn.text import corpora
from tests.conftest import TEXT


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("poem", "poem"),
        ("My poems", "My-poems"),
        ("(draft) poem", "draft-poem"),
        ("-rf", "rf"),
        ("--help", "help"),
        (".hidden", "hidden"),
        ("a--b_c.d", "a--b_c.d"),
        ("a - b", "a-b"),
        ("~draft", "draft"),
        ("[x]*?", "x"),
        ("诗", "诗"),
        ("Война и мир", "Война-и-мир"),
        ("हिन्दी", "हिन्दी"),
        ("e\u0301te\u0301", "e\u0301te\u0301"),
        ("٣", "٣"),
        ("❤️", "run"),
        ("\u0301", "run"),
        ("🎉", "run"),
        ("...", "run"),
        ("", "run"),
        ("a" * 300, "a" * 180),
        ("诗" * 100, "诗" * 60),
        ("a$(rm)\n\x1b[0m`b`", "a-rm-0m-b"),
        ("caf\udce9", "caf"),
    ],
)
def test_a_name_is_made_of_the_letters_of_any_script(stem, name):
    assert clean_name(stem) == name and is_name(name)


@pytest.mark.parametrize("name", ["a", "诗-1_b.c", "x-", "a--b", "हिन्दी", "a" * 180])
def test_a_recipe_may_have_a_name_of_any_script(name):
    assert read({"name": name, "corpus": {"path": "a.txt"}}).name == name


@pytest.mark.parametrize("name", ["", "-x", ".x", "a b", "a/b", "..", "-", "~", "a\n", "🎉", "a" * 181, "诗" * 61])
def test_a_name_that_would_be_hidden_or_an_option_or_is_none_is_refused(name):
    with pytest.raises(RecipeError, match=r"name: must be letters and digits of any script, .* not first - or \., 180"):
        read({"name": name, "corpus": {"path": "a.txt"}})


def test_a_run_of_an_earlier_version_keeps_a_name_that_none_has_now(trained, tmp_path):
    folder = shutil.copytree(trained.folder, tmp_path / "-old--001")
    recipe = folder / "recipe.yaml"
    recipe.write_text(recipe.read_text().replace("name: tiny\n", "name: -old-\n", 1))
    assert keras_charrnn.load(folder).vocabulary == keras_charrnn.load(trained.folder).vocabulary
    assert RunFolder(folder).read_recipe().name == "old--001"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("~", "home"),
        ("~/runs", "home/runs"),
        ("~draft.txt", "~draft.txt"),
        ("~no-such-user/x", "~no-such-user/x"),
        ("a~/b", "a~/b"),
        ("./~", "~"),
        ("诗 [1]*.txt", "诗 [1]*.txt"),
    ],
)
def test_a_tilde_is_a_home_where_there_is_one_and_else_a_letter(given, meant, monkeypatch):
    monkeypatch.setenv("HOME", "home")
    found = user_path(given)
    assert found.absolute() == pathlib.Path(meant).absolute() and user_path(found) == found


@pytest.mark.parametrize("where", ["runs", "load", "resume", "recipe", "text", "plugin", "cache", "corpora", "output"])
def test_a_home_is_known_wherever_a_path_is_given(where, trained, monkeypatch, tmp_path):
    home = tmp_path / "home"
    monkeypatch.setenv("HOME", str(home))
    shutil.copytree(trained.folder, home / "run")
    (home / "text.txt").write_text(TEXT)
    (home / "plugin.py").write_text("")
    recipe = {"corpus": {"path": "~/text.txt"}, "plugins": ["~/plugin.py"]}
    (home / "r.yaml").write_text("corpus: {path: text.txt}\n")
    if where == "runs":
        assert RunFolder.create("~/runs", "a").path == home / "runs" / "a-001"
    elif where == "load":
        assert keras_charrnn.load("~/run").vocabulary == trained.model.vocabulary
    elif where == "resume":
        assert keras_charrnn.resume("~/run").folder == home / "run"
    elif where == "recipe":
        assert read("~/r.yaml").corpus.path == str(home / "text.txt")
    elif where == "text":
        assert corpora.load(**vars(read(recipe).corpus)).text == TEXT == corpora.load(path="~/text.txt").text
    elif where == "plugin":
        assert read(recipe).plugins == (str(home / "plugin.py"),)
    elif where == "cache":
        monkeypatch.setenv("KERAS_CHARRNN_CACHE", "~/cache")
        assert corpora.cache_folder() == home / "cache"
    elif where == "corpora":
        monkeypatch.setenv("KERAS_CHARRNN_CORPORA", "~/none")
        with pytest.raises(CorpusError, match=str(home / "none" / "tinyshakespeare.txt")):
            corpora.load("tiny_shakespeare", max_bytes=1)
    else:
        assert main(["export", "~/run", "--format", "weights", "--output", "~/out/w.npz"]) == 0
        assert (home / "out" / "w.npz").is_file()
    assert not (tmp_path / "~").exists()


NOT_UTF8 = os.fsdecode(b"caf\xe9.txt")


@pytest.mark.parametrize(
    "arguments",
    [
        ["new", NOT_UTF8],
        ["new", "a.txt", "--output", f"{NOT_UTF8}.yaml"],
        ["train", NOT_UTF8],
        ["train", "a.yaml", "--runs", NOT_UTF8],
        ["train", "glob.yaml"],
        ["check", NOT_UTF8],
        ["sample", NOT_UTF8],
        ["score", "run", NOT_UTF8],
    ],
)
def test_a_name_that_is_no_utf8_is_refused_readably_before_anything_is_written(arguments, capsys):
    pathlib.Path("a.txt").write_text(TEXT)
    pathlib.Path(NOT_UTF8).write_text(TEXT)
    pathlib.Path("a.yaml").write_text("corpus: {path: a.txt}\nwindows: {batch_size: 4, length: 8}\n")
    pathlib.Path("glob.yaml").write_text('corpus: {path: "caf*.txt"}\n')
    before = sorted(pathlib.Path().iterdir())
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and r"caf\xe9.txt" in err and "is not UTF-8; rename it" in err
    assert sorted(pathlib.Path().iterdir()) == before


@pytest.mark.parametrize(
    ("path", "message"),
    [("a" * 300, "aaa cannot be a path: File name too long"), ("a\0b", r"a\\x00b cannot be a path")],
)
def test_what_nothing_can_be_called_is_refused(path, message):
    for use in (lambda: corpora.load(path=path), lambda: keras_charrnn.load(path), lambda: read(path)):
        with pytest.raises(SettingsError, match=message):
            use()


def test_a_recipe_tells_of_every_path_that_nothing_can_have():
    with pytest.raises(RecipeError) as caught:
        read({"corpus": {"path": ["a.txt", "b" * 300]}, "plugins": ["c" * 300 + ".py"]})
    first, second = caught.value.problems
    assert first.startswith("corpus.path[1]: ") and first.endswith("bbb cannot be a path: File name too long")
    assert second.startswith("plugins[0]: ") and second.endswith("ccc.py cannot be a path: File name too long")


def test_where_python_reads_names_as_ascii_it_says_so():
    program = "from keras_charrnn.common.files import user_path\nimport sys\nuser_path(sys.argv[1])"
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = subprocess.run([sys.executable, "-c", program, "诗.yaml"], env=environment, capture_output=True, check=False)
    assert rb"takes the name '\u8bd7.yaml' for ascii; set PYTHONUTF8=1" in done.stderr


@pytest.mark.parametrize("command", ["new", "train"])
def test_in_a_folder_whose_name_is_no_utf8_nothing_is_begun(command, monkeypatch, capsys):
    folder = pathlib.Path(os.fsdecode(b"caf\xe9"))
    folder.mkdir()
    monkeypatch.chdir(folder)
    pathlib.Path("a.txt").write_text(TEXT)
    pathlib.Path("b.yaml").write_text("corpus: {path: a.txt}\n")
    assert main([command, "a.txt" if command == "new" else "b.yaml"]) == 2
    assert r"/caf\xe9/a." in capsys.readouterr().err
    assert sorted(each.name for each in pathlib.Path().iterdir()) == ["a.txt", "b.yaml"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("link.txt", "there is no file link.txt: it is a link to nowhere, which is not there"),
        ("caf\u00e9.txt", "there is no file caf\u00e9.txt, but one that is written 'cafe\\u0301.txt'"),
        ("a.txt ", "there is no file 'a.txt ', did you mean 'a.txt'?"),
        ("https://a.org/a.txt", "there is no file https:/a.org/a.txt; download what has an address, and name the file"),
        ("file:///a.txt", "there is no file file:/a.txt; download what has an address, and name the file"),
    ],
)
def test_a_file_that_is_not_there_is_told_with_what_may_be_meant(path, message):
    lay("a.txt", "cafe\u0301.txt")
    pathlib.Path("link.txt").symlink_to("nowhere")
    for use in (lambda: corpora.load(path=path), lambda: corpora.load(**vars(read({"corpus": {"path": path}}).corpus))):
        with pytest.raises(CorpusError) as caught:
            use()
        told = str(caught.value).replace(f"{pathlib.Path.cwd()}/", "")
        assert told == message


def lay(*paths):
    for path in map(pathlib.Path, paths):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{path.name}\n")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("*.txt", ["a[1].txt", "b.txt"]),
        ("a[1].txt", ["a[1].txt"]),
        ("[ab]*.txt", ["a[1].txt", "b.txt"]),
        ("[poems]/*.txt", ["c.txt", "d.txt"]),
        ("[poems]/c.txt", ["c.txt"]),
        ("**/[cd].txt", ["c.txt", "d.txt"]),
        ("[[]poems]/*.txt", ["c.txt", "d.txt"]),
    ],
)
def test_what_is_there_under_its_very_name_is_no_pattern(pattern, names):
    lay("a[1].txt", "b.txt", "[poems]/c.txt", "[poems]/d.txt", "p/wrong.md", "[poems]/.hidden.txt")
    assert corpora.load(path=pattern).text.split() == names


@pytest.mark.parametrize("folder", ["[poems]", "a*b", "~x", "-x", "{a}", "{{a}}", "a b", "诗", "?", "!", "[!a]", "#"])
def test_the_folder_of_a_recipe_is_never_a_pattern(folder):
    lay(f"{folder}/c.txt", "p/wrong.txt", "a-b/wrong.txt", "b/wrong.txt")
    for pattern in ("*.txt", "c.txt", "**/c.txt"):
        pathlib.Path(folder, "r.yaml").write_text(f'corpus: {{path: "{pattern}"}}\n')
        assert corpora.load(**vars(read(pathlib.Path(folder, "r.yaml")).corpus)).text == "c.txt\n"
        assert corpora.load(**vars(read(read(f"./{folder}/r.yaml").to_mapping()).corpus)).text == "c.txt\n"


def test_the_files_of_runs_are_left_out_of_globs(trained):
    lay("one.txt", "poems/two.txt")
    shutil.copytree(trained.folder, "runs/tiny-001")
    lay("runs/tiny-001/samples/epoch-001.txt", "runs/begun-001/recipe.yaml", "runs/begun-001/checkpoints/lock")
    lay("runs/begun-001/samples/epoch-001.txt", "runs/no-run/three.txt", "runs/no-run/recipe.yaml")
    assert corpora.load(path="**/*.txt").text == "one.txt\ntwo.txt\nthree.txt\n"
    assert corpora.load(path="runs/*/*.txt").text == "three.txt\n"
    for outright in ("runs/tiny-001/samples/*.txt", "runs/tiny-001/samples/epoch-001.txt"):
        assert corpora.load(path=outright).text == "epoch-001.txt\n"
    with pytest.raises(CorpusError, match=r"all that matches runs/\*/samples/\*\.txt are files of runs, such as runs/"):
        corpora.load(path="runs/*/samples/*.txt")


@pytest.mark.thorough
def test_a_run_whose_glob_would_find_its_own_samples_goes_on(tiny, console):
    class Stop(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            raise KeyboardInterrupt

    tiny["corpus"]["path"] = "**/*.txt"
    tiny["samples"]["every_epochs"] = 1
    with pytest.raises(KeyboardInterrupt):
        keras_charrnn.fit(tiny, callbacks=[Stop()], console=console)
    assert pathlib.Path("runs/tiny-001/samples/epoch-001.txt").is_file()
    assert len(keras_charrnn.resume("runs/tiny-001", console=console).history) == 2


names = st.text(st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=60)
ends = st.sampled_from(
    ["", "-", "--", "~", ".", "[", "]", "[a]", "*", "?", "{", " ", "\u0301", "🎉", "\n", "'", '"', "$"]
)


@given(st.builds("".join, st.tuples(ends, names, ends)), st.builds("".join, st.tuples(ends, names, ends)))
@example("-", "~")
@example("~", "-")
@example("[a]", "a")
def test_a_file_of_any_name_in_a_folder_of_any_name_is_found_and_its_run_has_a_plain_name(stem, folder):
    assume(folder not in (".", "..") and max(len(os.fsencode(each)) for each in (stem, folder)) < 240)
    name = clean_name(stem)
    assert clean_name(name) == name and is_name(name) and len(os.fsencode(name)) <= 180
    assert name[0] not in "-.~" and unicodedata.category(name[0])[0] in "LN_P" and "/" not in name and "\n" not in name
    path = pathlib.Path("top", folder, f"{stem}.txt")
    shutil.rmtree("top", ignore_errors=True)
    path.parent.mkdir(parents=True)
    path.write_text("text")
    recipe = path.with_suffix(".yaml")
    assert corpora.load(path=str(path)).text == corpora.load(path=str(path.resolve())).text == "text"
    for pattern in ("*.txt", ".*.txt") if path.name.startswith(".") else ("*.txt",):
        recipe.write_text(f'corpus: {{path: "{pattern}"}}\n')
    plan = read(recipe)
    assert plan.name == name and corpora.load(**vars(plan.corpus)).text == "text"
    assert read(plan.to_mapping()) == plan
