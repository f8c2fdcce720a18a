"""Settings as people write them: what a word in YAML is, on both ways, and what is said of YAML that is none."""

import pathlib
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn.cli import main
from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe import Recipe, parse_override, read
from keras_charrnn.recipe.overrides import parse_list
from keras_charrnn.recipe.reading import load_text
from keras_charrnn.recipe.schema import dump

CORPUS = "corpus: {path: a.txt}\n"
# The core schema of YAML 1.2.2, section 10.3.2, as it stands there, with how Python reads each.
CORE = {
    r"null|Null|NULL|~|": lambda text: None,
    r"true|True|TRUE": lambda text: True,
    r"false|False|FALSE": lambda text: False,
    r"[-+]?[0-9]+": int,
    r"0o[0-7]+": lambda text: int(text, 8),
    r"0x[0-9a-fA-F]+": lambda text: int(text, 16),
    r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?": float,
    r"[-+]?(\.inf|\.Inf|\.INF)": lambda text: float(text.replace(".", "")),
    r"\.nan|\.NaN|\.NAN": lambda text: float("nan"),
}
# What YAML 1.1 takes for something else than a text, or for another number than it looks like.
FORMER = ["yes", "No", "on", "OFF", "1_000", "0b101", "10:00", "1:30.5", "2024-01-01", "010", "0o17", "1e-3", "=", "<<"]
SIGNS = "{[\"'#&*!|>%@`:-?,]}~ \t\n\\0123456789.eExo_+nulytrfasNFT\u201c\xa0\x85\u2028\ud800\ufeff"
words = st.text(st.sampled_from(SIGNS) | st.characters(), max_size=12) | st.sampled_from(FORMER)


def core(text):
    return next((value(text) for pattern, value in CORE.items() if re.fullmatch(pattern, text)), text)


def same(one, other):
    return type(one) is type(other) and (one == other or one != one)


def problems(source, overrides=None):
    with pytest.raises(RecipeError) as caught:
        read(source, overrides)
    return caught.value.problems


plain = words | st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False)


@given(st.recursive(plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3)))
@example({"a": FORMER, "b": {each: each for each in FORMER}})
def test_what_is_written_is_read_as_it_was(value):
    assert load_text(dump(value), "test") == (value, [])


@given(words.filter(lambda text: not text.lstrip().startswith(tuple("{[\"'"))))
@example("1_000")
def test_an_override_is_the_text_itself_or_what_the_core_schema_makes_of_it(text):
    path, value = parse_override(f"samples.prefix={text}")
    assert path == "samples.prefix"
    assert value == text if isinstance(value, str) else same(value, core(text.strip()))


@given(st.text("0123456789.eExo_+-~nulytrfaisNFT", max_size=6) | st.sampled_from(FORMER))
@example("0x1f")
@example("-.inf")
def test_a_word_of_a_file_is_what_the_core_schema_says(text):
    if not re.match(r"-{1,3}\Z|<<\Z", text):  # the signs of a list, of a document and of merging
        value, found = load_text(f"key: {text}\nnext: 1", "test")
        assert same(value["key"], core(text)) and not found


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *((text, text) for text in ("#include", "ROMEO:", "a #b", "a: b", "- x", "*x", "&x", "@x", "%x", "`x", "!x")),
        *((text, text) for text in ("| x", "> x", ": ", "? x", "]", "}", ", x", "  two  ", " ", "don't", "\\n")),
        ("no", "no"), ("<<", "<<"),
        ("010", 10), ("1e-3", 0.001), ("-.5", -0.5), ("0x1F", 31), ("0o17", 15), ("true", True),
        ("~", None), ("", None), (" 256 ", 256),
        ("'#include'", "#include"), ('"a\\nb"', "a\nb"), ("[1, no]", [1, "no"]),
        ("{name: gru, units: 010}", {"name": "gru", "units": 10}),
        (r'"\ud83d\ude00"', "\U0001f600"), (r'"\ud83d"', "\ud83d"),  # as JSON writes it, and half of it
        ("9" * 5000, float("inf")),  # of so many digits Python makes no whole number
    ],
)  # fmt: skip
def test_an_override_is_yaml_only_where_it_begins_so(written, value):
    assert same(parse_override(f"a.b={written}")[1], value)


@pytest.mark.parametrize(
    ("written", "values"),
    [
        ("gru, lstm,", ["gru", "lstm"]),
        ("@gru,#lstm,a: b", ["@gru", "#lstm", "a: b"]),
        ("", []),
        ("gru,{name: rhn, depth: 010}", ["gru", {"name": "rhn", "depth": 10}]),
        ("'gru', no", ["gru", "no"]),
    ],
)
def test_a_list_in_an_argument_is_divided_by_commas(written, values):
    assert parse_list(written, "--cells") == values


@pytest.mark.parametrize(
    ("yaml", "key", "value"),
    [
        ("training: {epochs: 010}", "training.epochs", 10),
        ("training: {optimizer: {learning_rate: 1e-3}}", "training.optimizer",
         {"name": "adamw", "learning_rate": 0.001}),
        ("samples: {prefix: no}", "samples.prefix", "no"),
        ("samples: {prefix: 2024-01-01}", "samples.prefix", "2024-01-01"),
        ("samples: {prefix: 12:30}", "samples.prefix", "12:30"),
        ("base: &base {units: 7}\nmodel: {<<: *base, layers: 2}", "model.units", "base: unknown key"),
        ("model: &m {units: 7}\nwindows: {length: 9}", "model.units", 7),
        ("name: \ufeffx", "name",
         "name: must be letters and digits of any script, -, _ and ., not first - or ., "
         "180 bytes at most, not '\\ufeffx'"),
        ("name: 2024", "name", "not 2024; a text that looks like a number, true or false goes into quotes"),
        *((f"training: {{epochs: {each}}}", "", "; write 1000, without quotes")
          for each in ("1 000", "1'000", "1\u2019000", "1\u202f000")),
        ("training: {epochs: 1,000}", "", "training.0: unknown key (accepted: epochs, minutes, patience, optimizer, "
         "schedule, average, ngram_decay, accumulate, label_smoothing, clip_norm, clip_variable_norm, clip_value, "
         "divergence, from_epoch, from_step, from_minutes); in braces a comma ends a value"),
        *((f"training: {{minutes: {each}}}", "", f"'{each}'; write one plain number, as in 1000, 0.5 or 1e-3")
          for each in ("1h", "5 min", "1/2", "10^2")),
        ("training: {patience: None}", "", "or null, not 'None'; write null, without quotes, for none"),
        ("training: {clip_norm: false}", "", "or null, not false; write null, without quotes, for none"),
        ("training: {optimizer: ADAMW}", "", "not 'ADAMW', did you mean 'adamw'?"),
        ("model: {cell: LSTM}", "", "unknown cell 'LSTM', did you mean 'lstm'?"),
        ("samples: {temperatures: 0.5}", "", "not 0.5; write [0.5]"),
        ("samples: {temperatures: '0.5,0.8'}", "", "not '0.5,0.8'; write [0.5,0.8]"),
        ("plugins: my.py", "", "not 'my.py'; write [my.py]"),
        ("samples: {prefix: [INST]}", "", "not ['INST']; a text that begins with [ or { goes into quotes"),
        (r'samples: {prefix: "\ud83d"}', "", "; it has bytes or escapes that are no characters"),
        ("callbacks: [EarlyStopping]", "", "; write keras.callbacks.EarlyStopping"),
        ("callbacks: [tf.keras.callbacks.EarlyStopping(patience=3)]", "", "; write keras.callbacks.EarlyStopping; "
         "arguments stand beside it: {name: …, patience: 3}"),
        ("callbacks: [{EarlyStopping: {patience: 3}}]", "", "callbacks[0]: has no name; write the import path of"),
        ("samples:\n  prefix: # none", "samples.prefix", None),
        ("samples: ####\n  prefix: a#b", "samples.prefix", "a#b"),
        ("training: {epochs: 1_000}", "", "not '1_000'; write 1000, without quotes"),
        ("training:\n  epochs: 1,000", "", "not '1,000'; write 1000, without quotes"),
        ("training: {epochs: 1e3}", "", "not 1000.0; write 1000"),
        ("training: {epochs: 0b101}", "", "write 5, without quotes"),
        ("training: {minutes: 10:00}", "", "not '10:00'; write one number: 1:30 is 90 in the smaller unit, 1.5 in"),
        ("training: {epochs: 1:1:1}", "", "write one number"),
        ("training:\n  label_smoothing: 0,1", "", "not '0,1'; write 0.1, without quotes"),
        ("model: {dropout: 10%}", "", "not '10%'; write 0.1, without quotes"),
        ("model: {dropout: '1e-1'}", "", "not '1e-1'; write 0.1, without quotes"),
        ("samples: {temperatures: [1.0, '0,5']}", "", "; write 0.5, without quotes"),
        ("windows: {random_offset: no}", "", "must be true or false, not 'no'; write false, without quotes"),
        ("windows: {random_offset: On}", "", "must be true or false, not 'On'; write true, without quotes"),
        ("tensorboard: 1", "", "tensorboard: must be true or false, not 1; write true"),
        ("tensorboard: [1]", "", "tensorboard: must be true or false, not [1]"),
        ("tune: {training.label_smoothing: {from: 1, to: 2, log: yes}}", "",
         "log: must be true or false, not 'yes'; write true"),
        ("training: {optimizer: {name: sgd, nesterov: no}}", "", "training.optimizer.nesterov: must be text "
         "(but for yes, no, on and off), a finite number, true, false, null, or a list or mapping of "
         "these, not 'no'; write false"),
        ("model:{units: 3}\nname: x", "", "model:{units: unknown key (accepted:"),
        ("model:\xa0{units: 3}\nname: x", "", "a colon divides a key from its value with a space behind it"),
        ("model:\n\xa0\xa0units: 3", "", "there is a non-breaking space (U+00A0); write plain spaces"),
        ("model: {units\uff1a 3}", "", "there is a full-width colon (U+FF1A)"),
        ("model: {units: 3, units: 4}", "", "model.units: is given twice, in lines 2 and 2"),
        ('model: {units: 3, "units": 4}', "", "model.units: is given twice, in lines 2 and 2"),
    ],
)  # fmt: skip
def test_a_word_of_a_recipe_is_what_it_looks_like_or_refused_with_what_to_write(yaml, key, value):
    pathlib.Path("r.yaml").write_text(f"{CORPUS}{yaml}\n", encoding="utf-8")
    if isinstance(value, str) and " " in value:
        assert value in "\n".join(problems("r.yaml"))
    else:
        found = read("r.yaml")
        for each in key.split("."):
            found = getattr(found, each)
        assert found == value


@pytest.mark.parametrize(
    ("path", "advice"),
    [
        (r'"data\new\text.txt"', "in double quotes a backslash begins a sign, as in \\n and \\t; write"),
        (r'"data\Poems.txt"', "in double quotes a backslash begins a sign"),
        (r'[a.txt, "b\n.txt"]', "in double quotes a backslash begins a sign"),
        ("\u201cmy.txt\u201d", "there is a typographic quote, which quotes nothing"),
        ("2024", "a text that looks like a number, true or false goes into quotes"),
    ],
)  # fmt: skip
def test_a_path_that_nobody_means_is_refused(path, advice):
    pathlib.Path("r.yaml").write_text(f"corpus: {{path: {path}}}\n", encoding="utf-8")
    (found,) = problems("r.yaml")
    assert found.startswith("corpus.path") and advice in found


@pytest.mark.parametrize(
    ("text", "place", "advice"),
    [
        ("samples:\n  prefix: ROMEO:\n", (2, 16),
         "in 'prefix: ROMEO:'; a text with a colon goes into quotes, a mapping into braces, as in \"ROMEO:\""),
        ("samples: {prefix: ROMEO:}\n", (1, 24), "a text with a colon goes into quotes"),
        ("model: units: 3\n", (1, 13), "and {units: 3}"),
        ("units = 3\nname: x\n", (2, 5), "a key has a colon and a space behind it"),
        ("model:\n  units: 3\n   layers: 2\n", (3, 10), "keys side by side begin in the same column"),
        ("model:\n   units: 3\n  layers: 2\n", (3, 3), "keys side by side begin in the same column"),
        ("samples:\n\tprefix: a\n", (2, 1), "a tab is no space in YAML; write spaces"),
        *((f"samples:\n  prefix: {sign}{rest}\n", (2, 11), f'begins with {sign} goes into quotes, as in "{sign}…"')
          for sign in "%@`*&!|>" for rest in (" x", *(["x"] if sign not in "|>" else []))),
        ("samples:\n  prefix: &b ROMEO\n", (2, 11), 'a text that begins with & goes into quotes, as in "&…"'),
        ("samples:\n  prefix: - x\n", (2, 11), 'a text that begins with - goes into quotes'),
        ("samples:\n  prefix: #include\n  length: 3\n", (2, 11),
         "found a comment, without a space behind its #, in the place of a value in 'prefix: #include'; a text that "
         'begins with # goes into quotes, as in "#…"'),
        ("samples:\n  prefix: #\n", (2, 11), 'begins with # goes into quotes'),
        ("callbacks:\n- #x\n", (2, 3), "found a comment"),
        ("samples: {prefix: {{name}}}\n", (1, 20), "a text in braces goes into quotes"),
        ("corpus: {path: [*.txt]}\n", (1, 17), "a text that begins with * goes into quotes"),
        ("samples:\n  prefix: 'Tis the\n  length: 3\n", (2, 11), "the quote there is not closed; a text with a"),
        ('samples:\n  prefix: "So," he said\n', (2, 17), "something follows a closing quote; a text with"),
        ("samples:\n  prefix: 'don't'\n", (2, 16), "goes into quotes of the other kind"),
        ("corpus: {path: a\nmodel: {units: 3}\n", (1, 9), "in 'corpus: {path: a'; the { there is not closed"),
        ("samples:\n  temperatures: [1\n", (2, 17), "the [ there is not closed"),
        ('corpus:\n  path: "C:\\Users\\x"\n', (2, 9), "a backslash in double quotes begins a sign"),
        ('corpus:\n  path: "data\\poems"\n', (2, 9), "write a path in single quotes, or with /"),
        ("model\uff1a\n  units: 3\n", (2, 8), "there is a full-width colon (U+FF1A)"),
        ("name: \u201ca: b\u201d\n", (1, 9), "there is a typographic quote"),
        ("a: !!int x\n", (1, 4), "not a value: 'x' is not of the kind int"),
        ("a: !!bool no\n", (1, 4), "'no' is not of the kind bool"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["unix", "windows"])
def test_yaml_that_is_none_is_told_with_its_line_and_what_to_do(text, place, advice, end):
    pathlib.Path("r.yaml").write_bytes(text.replace("\n", end).encode())
    (found,) = problems("r.yaml")
    assert found.startswith("line {}, column {}: no valid YAML: ".format(*place)), found
    assert advice in found, found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_recipe_saved_on_windows_is_read(encoding, end):
    text = f"{CORPUS}samples: {{prefix: Über}}\n".replace("\n", end)
    pathlib.Path("r.yaml").write_bytes(text.encode(encoding))
    if encoding == "utf-16-le":  # without the mark that says so
        assert "save it as UTF-8" in problems("r.yaml")[0]
    else:
        assert read("r.yaml").samples.prefix == "Über"


@pytest.mark.parametrize(
    "overrides",
    [
        {"training.optimizer.learning_rate": 0.1, "training.optimizer": "sgd"},
        {"training.optimizer.learning_rate": 0.1, "training": {"optimizer": "sgd"}},
    ],
)
def test_an_override_does_not_take_another_one_back_without_a_word(overrides):
    assert problems({"corpus": {"path": "a.txt"}}, overrides) == [
        "training.optimizer: would take back training.optimizer.learning_rate, which is set before it; set "
        "training.optimizer first"
    ]
    turned = read({"corpus": {"path": "a.txt"}}, dict(reversed(overrides.items())))
    assert turned.training.optimizer == {"name": "sgd", "learning_rate": 0.1}


def test_overrides_that_are_no_mapping_and_paths_of_python(console):
    for name in (None, "x"):
        with pytest.raises(RecipeError, match=r"overrides: must be a mapping such as \{'model\.units': 256\}, not"):
            keras_charrnn.fit({"corpus": {"path": "a.txt"}}, ["model.units=3"], name=name, console=console)
    found = read({"corpus": {"path": [pathlib.Path("a.txt")]}}, {"plugins": []}).corpus.path
    assert found == (str(pathlib.Path.cwd() / "a.txt"),)
    assert read({"corpus": {}}, {"corpus.path": pathlib.Path("a.txt")}).corpus.path == found[0]


def test_an_override_that_is_no_yaml_is_told_so(capsys):
    assert main(["train", "r.yaml", "--set", "samples.prefix='Tis"]) == 2
    error = capsys.readouterr().err
    assert "--set samples.prefix: 1 problem" in error
    assert "line 1, column 1: no valid YAML" in error and "goes into quotes of the other kind" in error


def test_a_recipe_keeps_its_texts_from_file_to_file():
    for text in (*FORMER, "~", "true", "#a", "a: b", "x\n", "1", ".5", "0x1", "NULL"):
        recipe = read({"corpus": {"path": "a.txt"}, "samples": {"prefix": text}})
        pathlib.Path("copy.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
        assert read("copy.yaml") == recipe and isinstance(recipe, Recipe)
