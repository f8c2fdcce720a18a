"""What a request may have in it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as some

from keras_charrnn.views.serving.description import describe
from keras_charrnn.views.serving.fields import CAUSES, COMPLETION, IGNORED, LOOK, SCORE, BadRequest, read

ANYTHING = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(max_size=20),
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@given(some.dictionaries(some.sampled_from([*COMPLETION, *IGNORED, "nonsense"]), ANYTHING, max_size=6))
def test_whatever_comes_is_read_or_refused_in_one_sentence(body):
    try:
        found = read(json.dumps(body), COMPLETION, IGNORED)
    except BadRequest as error:
        assert "\n" not in str(error) and len(str(error)) < 400 and 400 <= error.status < 500
        return
    assert found.keys() == COMPLETION.keys()
    for name, value in found.items():
        if value is not None and COMPLETION[name].kind in ("number", "whole"):
            assert COMPLETION[name].least <= value <= COMPLETION[name].most


@given(some.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body):
    try:
        read(body, SCORE)
    except BadRequest as error:
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "the body is no JSON: Expecting value"),
        ("[" * 100_000, "the body is no JSON: "),
        ("[]", r"the body must be a JSON object; received \[\]"),
        ('{"temperature": NaN}', "the body is no JSON: NaN is no number of JSON"),
        ('{"temperature": 1e999}', "temperature must be a number from 0 to 100; received Infinity"),
        ('{"temperature": -1}', "temperature must be a number from 0 to 100; received -1"),
        ('{"temperature": "hot"}', 'temperature must be a number from 0 to 100; received "hot"'),
        ('{"max_tokens": 1.5}', "max_tokens must be a whole number from 0 to 10000; received 1.5"),
        ('{"max_tokens": 10001}', "received 10001"),
        ('{"n": true}', "n must be a whole number from 1 to 16; received true"),
        ('{"stream": 1}', "stream must be true or false; received 1"),
        ('{"prompt": 7}', "prompt must be a text of up to 100,000 characters; received 7"),
        (r'{"prompt": "\ud83d"}', "prompt must be a text of up to 100,000 characters"),
        ('{"stop": [""]}', "stop must be a text, or a list of up to 4 texts"),
        ('{"stop": ["a", "b", "c", "d", "e"]}', "stop must be a text, or a list of up to 4 texts"),
        ('{"best_of": 3}', "best_of is not supported; leave it out"),
        ('{"temprature": 1}', 'there is no field "temprature"; accepted: model, prompt, '),
    ],
)  # fmt: skip
def test_a_mistake_is_told(body, message):
    with pytest.raises(BadRequest, match=message):
        read(body, COMPLETION, IGNORED)


def test_what_is_needed_must_be_there():
    with pytest.raises(BadRequest, match="text must be a text of up to 100,000 characters; received null"):
        read("{}", SCORE)


def test_what_clients_send_besides_is_left_out_where_it_means_nothing():
    assert read('{"user": "me", "best_of": 1, "frequency_penalty": 0}', COMPLETION, IGNORED)["n"] == 1


def test_the_description_has_every_address_and_field():
    found = describe(["one", "two"])
    for path, fields in {"/v1/completions": COMPLETION, "/score": SCORE, "/look": LOOK, "/causes": CAUSES}.items():
        schema = found["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert schema["properties"].keys() == fields.keys()
        assert schema["properties"]["model"]["enum"] == ["one", "two"]
    json.dumps(found, allow_nan=False)
