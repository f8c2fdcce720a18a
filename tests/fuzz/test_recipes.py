"""Any mapping and any YAML: a recipe, or a RecipeError."""

import pathlib

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_charrnn.errors import RecipeError
from keras_charrnn.recipe import Recipe, describe_keys, parse_override, read

EXAMPLES = 2 * settings.default.max_examples  # of each of four: 200 or, in the thorough suite, 4,000
WORDS = [
    "adam", "cosine", "exponential", "go_back", "stop", "one_hot", "auto", "epoch", "error", "gru", "lstm", "",
    "python_stdlib", "a.txt", "1e-3", "1e999", "~", "\ud800", "\0", "name", "rate", "units", "float32", "null",
]  # fmt: skip
DEFAULTS = {path: default for path, default, *_ in describe_keys()}
# No plugins: reading a recipe imports those that it names.
SECTIONS = sorted({path.split(".")[0] for path in DEFAULTS} - {"plugins"})
KEYS = sorted({path.split(".")[-1] for path in DEFAULTS} - {"plugins"})
TEXTS = [yaml.safe_dump({name: section}) for name, section in Recipe().to_mapping().items() if name in SECTIONS]
TEXTS += [
    yaml.safe_dump({"corpus": {"path": ["a.txt"]}, "model": {"cell": {"name": "gru"}}}, default_flow_style=each)
    for each in (True, False)
]

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(-2, 70)
    | st.floats()
    | st.floats(0, 1)
    | st.text(st.characters(), max_size=20)
    | st.sampled_from(WORDS)
    | st.binary(max_size=5)
    | st.dates()
    | st.complex_numbers()
)
names = st.sampled_from(KEYS + WORDS) | st.text(max_size=10)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner)
        | st.dictionaries(names | st.integers() | st.none() | st.tuples(st.integers()), inner, max_size=4)
    ),
    max_leaves=12,
)
anything = st.dictionaries(st.sampled_from(SECTIONS) | names | st.integers(), values, max_size=6) | values


@st.composite
def nearly_valid(draw):
    """A recipe that is valid but for what was drawn for up to three of its keys."""
    recipe = {"corpus": {"path": "a.txt"}}
    for path in draw(st.lists(st.sampled_from([each for each in DEFAULTS if each != "plugins"]), max_size=3)):
        section, _, key = path.partition(".")
        value = draw(values | st.just(DEFAULTS[path]) | st.fixed_dictionaries({"name": st.sampled_from(WORDS)}))
        if key:
            recipe.setdefault(section, {})
            if isinstance(recipe[section], dict):
                recipe[section][key] = value
        else:
            recipe[section] = value
    return recipe


def must_be_read_or_refused(source):
    try:
        recipe = read(source)
    except RecipeError as error:
        assert error.problems and all(error.problems)
        str(error).encode("utf-8", "backslashreplace")
        return
    assert isinstance(recipe, Recipe)
    try:
        pathlib.Path("copy.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    except UnicodeEncodeError:
        pytest.fail(f"{recipe} cannot be written")
    assert read("copy.yaml") == recipe


@settings(max_examples=EXAMPLES)
@given(anything)
@example({"corpus": {"path": "\ud800"}})
@example({"corpus": {"path": "\x85\ufeff\x07"}})
def test_any_mapping_is_a_recipe_or_refused(mapping):
    must_be_read_or_refused(mapping)


@settings(max_examples=EXAMPLES)
@given(nearly_valid())
def test_a_mapping_that_is_nearly_valid_is_a_recipe_or_refused(mapping):
    must_be_read_or_refused(mapping)


@st.composite
def texts_of_yaml(draw):
    """YAML of a recipe, with pieces of it cut out and signs of YAML put in."""
    text = draw(st.sampled_from(TEXTS))
    signs = st.sampled_from([*"{}[]:,&*!|>'\"%@`#?-\t\n\0\x85", "&a ", "*a", "<<: ", "!!int ", "!!set ", "---\n", "? "])
    for _ in range(draw(st.integers(0, 4))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(signs | st.text(max_size=3)) + text[start + draw(st.integers(0, 3)) :]
    return text


@settings(max_examples=EXAMPLES)
@given((texts_of_yaml() | st.text(max_size=80)).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(b"corpus: {path: a.txt}\nname: 0o17\n")
def test_any_file_is_a_recipe_or_refused(data):
    if b"plugins" in data:
        data = data.replace(b"plugins", b"plugin5")
    pathlib.Path("r.yaml").write_bytes(data)
    must_be_read_or_refused("r.yaml")


@settings(max_examples=EXAMPLES)
@given(st.dictionaries(st.sampled_from(sorted(DEFAULTS)) | names, values, max_size=3), st.text(max_size=30))
def test_any_override_is_laid_over_or_refused(overrides, written):
    overrides = {path: value for path, value in overrides.items() if not path.startswith("plugins")}
    try:
        read({"corpus": {"path": "a.txt"}}, overrides)
        parse_override(written)
    except RecipeError:
        pass
