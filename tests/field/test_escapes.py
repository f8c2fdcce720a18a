r"""Escapes in texts that are given in one line, in all commands and keys alike; prefixes from files."""

import io
import pathlib
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.common.escapes import unescape
from keras_charrnn.errors import RecipeError, SettingsError, VocabularyError
from keras_charrnn.runs import RunFolder
from keras_charrnn.training.parts import make_samples
from tests.conftest import TEXT


@pytest.fixture(autouse=True)
def loaded(request, monkeypatch):
    """Have the commands take the model of `trained`, compiled once, where a test has that."""
    if "trained" in request.fixturenames:
        model = request.getfixturevalue("trained").model
        monkeypatch.setattr("keras_charrnn.runs.run.load", lambda *_: model)


ESCAPES = [
    (r"Once\nsat", "Once\nsat"),
    (r"\n\n", "\n\n"),
    (r"a\tb", "a\tb"),
    (r"a\\nb", r"a\nb"),
    (r"\\\n", "\\\n"),
    (r"caf\u00e9 \U0001F600", "café 😀"),
    (r"C:\dir \' \" \x41 \101 \r", r"C:\dir \' \" \x41 \101 \r"),  # no others
    ("end\\", "end\\"),
    (r"\u00e9e", "ée"),
    ("a\nb", "a\nb"),
    ("", ""),
]
WRONG = [r"\u12", r"\u", r"\ud800", r"\uDFFFx", r"\U0001F6", r"\U00110000", r"a\uz"]


@pytest.mark.parametrize(("written", "meant"), ESCAPES)
def test_an_escape_means_one_character_and_any_other_backslash_itself(written, meant):
    assert unescape(written) == meant


@pytest.mark.parametrize("written", WRONG)
def test_an_escape_of_no_character_is_told(written):
    with pytest.raises(SettingsError, match=r"^'\\[uU].*' is no character: \\u takes the four .*; write \\\\ for a ba"):
        unescape(written)


@given(st.text(), st.sampled_from(["short", "long", "letters"]))
def test_every_text_can_be_written_in_escapes(text, how):
    letters = {"\n": r"\n", "\t": r"\t", "\\": r"\\"}
    codes = {"short": "\\u{:04x}", "long": "\\U{:08X}", "letters": "{1}"}
    pieces = [
        codes[how if ord(each) < 0x10000 or how == "letters" else "long"].format(ord(each), each) for each in text
    ]
    written = "".join(letters.get(each, piece) for each, piece in zip(text, pieces, strict=True))
    assert unescape(written) == text


@given(st.text(alphabet=st.characters(exclude_characters="\\")))
def test_a_text_without_a_backslash_stays(text):
    assert unescape(text) == text


@given(st.characters(exclude_characters="nt\\uU"), st.text(alphabet="nt 0\\"))
def test_a_backslash_before_anything_else_stays(character, rest):
    assert unescape(f"\\{character}{rest}") == f"\\{character}{unescape(rest)}"


def sample(trained, *arguments):
    return main(["sample", str(trained.folder), "--temperature", "0", "--length", "20", *arguments])


SAMPLES = [
    (["--prefix", r"dog.\nHow"], "dog.\nHow"),
    (["--prefix", r"\u0074he"], "the"),
    (["--prefix=dog.\nHow", "--raw"], "dog.\nHow"),
    (["--prefix-file", "prefix.txt"], "the quick\n"),
    (["--prefix-file", "-"], "the quick\n"),
]


@pytest.mark.parametrize(("arguments", "prefix"), SAMPLES)
def test_sample_begins_with_what_was_meant(trained, arguments, prefix, capsys, monkeypatch):
    pathlib.Path("prefix.txt").write_bytes("\ufeffthe quick\r\n".encode())
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"the quick\n")))
    assert sample(trained, *arguments) == 0
    assert capsys.readouterr() == (trained.model.generate(prefix, length=20, temperature=0) + "\n", "")


@pytest.mark.parametrize(("written", "stop"), [(r"\n", "\n"), (r"\u0065", "e"), ("o", "o"), (r"\\n", r"\n")])
def test_sample_stops_before_what_was_meant(trained, written, stop, capsys):
    if stop == r"\n":  # the model knows no backslash
        assert sample(trained, "--stop", written) == 2
        assert r"the stop text has the character '\\' (U+005C), which is none of" in capsys.readouterr().err
    else:
        assert sample(trained, "--prefix", "dog.", "--length", "200", "--stop", written) == 0
        made = trained.model.generate("dog.", length=200, temperature=0, stop=stop)
        assert capsys.readouterr() == (made + "\n", "")


REFUSED = [
    (["--prefix", r"\u12"], r"--prefix: '\u12' is no character"),
    (["--stop", r"\uD834"], r"--stop: '\uD834' is no character"),
    (["--prefix", "a", "--prefix-file", "b"], "--prefix and --prefix-file exclude one another"),
    (["--prefix-file", "none.txt"], "none.txt cannot be read: No such file or directory"),
    (["--prefix-file", "latin.txt"], "latin.txt is not UTF-8: byte 0 (0xe9)"),
    (["--prefix", "caf\udce9"], "--prefix is not UTF-8: byte 3"),
    (["--raw", "--prefix", r"dog.\nHow"], r"the prefix has the character '\\' (U+005C)"),
    (["--stop", "☃"], "the stop text has the character '☃' (U+2603), which is none of the model's 31 symbols"),
    (["--stop", ""], "stop must be a text of at least one character"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED)
def test_what_sample_cannot_have_is_told_before_it_writes(trained, arguments, message, capsys):
    pathlib.Path("latin.txt").write_bytes(b"\xe9")
    assert sample(trained, *arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith(f"keras-charrnn: {message}")


def test_bytes_of_another_locale_are_read_as_utf_8(trained, capsys):
    """Where Python takes the locale for ASCII, it hands out bytes that are none as surrogates."""
    assert sample(trained, "--prefix", "th\udcc3\udca9") == 2
    assert "the prefix has the character 'é' (U+00E9)" in capsys.readouterr().err


@pytest.mark.parametrize(("unknown", "done"), [("drop", "drops"), ("replace", "replaces by U+FFFD")])
def test_what_a_vocabulary_leaves_out_of_a_prefix_is_said_before_the_text(unknown, done, capsys, monkeypatch):
    vocabulary = keras_charrnn.Vocabulary(TEXT, unknown)
    model = keras_charrnn.CharRNN(vocabulary, units=4, embedding=2)
    monkeypatch.setattr("keras_charrnn.runs.run.load", lambda *_: model)
    note = f"has characters that the model does not know, and {done}: '☃', '\\x1b'\n"
    assert main(["sample", "a.keras", "--prefix", r"th☃e☃\u001b", "--length", "1"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("th☃e☃\x1b") and err == f"keras-charrnn: the prefix {note}"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(r"th☃e☃\u001b".encode())))
    assert main(["write", "a.keras", "--length", "1"]) == 0
    assert capsys.readouterr().err == f"the text {note}"
    with pytest.raises(SettingsError, match="the stop text has the character '☃'"):
        model.generate("the", stop="e☃")
    with pytest.raises(SettingsError, match="the stop text has the character '☃'"):
        next(model.stream("the", stop="e☃"))


def test_python_takes_texts_as_they_are(trained):
    with pytest.raises(VocabularyError, match=r"the prefix has the character '\\\\'"):
        trained.model.generate(r"dog.\n")


LINES = [(r"dog.\nHow", "dog.\nHow"), (r"\u0074he", "the"), ("", ""), ("\ufeffthe\r", "the")]


@pytest.mark.parametrize(("line", "typed"), LINES)
def test_write_takes_the_same_escapes(trained, line, typed, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{line}\n".encode())))
    assert main(["write", str(trained.folder), "--temperature", "0", "--length", "20"]) == 0
    assert capsys.readouterr() == (trained.model.generate(typed, length=20, temperature=0) + "\n", "")


@pytest.mark.parametrize(
    ("line", "arguments", "message"),
    [
        (r"\u12", [], r"line 1 of standard input: '\u12' is no character"),
        (r"dog.\nHow", ["--raw"], r"line 1 of standard input: the text has the character '\\'"),
    ],
)
def test_a_line_of_write_that_means_nothing_is_told(trained, line, arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(line.encode())))
    assert main(["write", str(trained.folder), *arguments]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "stream", "message"),
    [
        (["--text", "-"], io.StringIO(), "--text - leaves no lines in standard input to answer; give --text a file"),
        ([], None, "there are no lines to answer, for standard input is closed"),
    ],
)
def test_write_without_lines_says_so(arguments, stream, message, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", stream)
    assert main(["write", "none", *arguments]) == 2
    assert capsys.readouterr() == ("", f"keras-charrnn: {message}\n")


def test_a_recipe_keeps_its_prefix_as_it_was_written_and_reads_it_as_meant(tiny):
    pathlib.Path("one.yaml").write_text("corpus: {path: text.txt}\nsamples: {prefix: 'dog.\\nHow\\\\'}\n")
    one = keras_charrnn.recipe.read("one.yaml")
    assert one.samples.prefix == r"dog.\nHow\\" and one.samples.beginning == "dog.\nHow\\"
    pathlib.Path("two.yaml").write_text(one.to_yaml())
    assert keras_charrnn.recipe.read("two.yaml").samples == one.samples
    with pytest.raises(RecipeError, match=r"samples\.prefix: '\\u12' is no character: .* write \\\\ for a backslash"):
        keras_charrnn.recipe.read({**tiny, "samples": {"prefix": r"\u12"}})
    assert keras_charrnn.recipe.read(tiny, {"samples.prefix": None}).samples.beginning == ""


def test_samples_of_a_training_begin_with_what_was_meant(tiny, trained, console):
    plan = keras_charrnn.recipe.read(tiny, {"samples.prefix": r"dog.\nHow", "samples.every_epochs": 1})
    samples = make_samples(plan, RunFolder("run"), console)
    samples.folder = None
    samples.set_model(trained.model)
    samples.on_epoch_end(0)
    assert console.export_text().count(" ---\ndog.\nHow") == 2
