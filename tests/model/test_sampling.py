"""Samplers, rules and searches against what they promise, worked out by hand."""

import itertools
import json
import math
import re

import hypothesis.strategies as st
import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings

import keras_charrnn
from keras_charrnn import CharRNN, Vocabulary, samplers, testing
from keras_charrnn.errors import CharRNNError, RegistryError, SamplerError, SettingsError
from keras_charrnn.model.generation import Generator
from keras_charrnn.model.sampling.machine import machine_of
from keras_charrnn.testing.samplers import Constant
from keras_charrnn.text.vocabularies import ByteVocabulary, WordVocabulary
from tests.conftest import TEXT, is_thorough


@pytest.fixture(scope="module")
def model():
    """One for all tests: what it compiles for one of them serves the others. Its guesses are far from even."""
    keras.utils.set_random_seed(1)
    model = CharRNN(Vocabulary(TEXT), cell="gru", units=12, embedding=6)
    model.set_weights([3 * each for each in model.get_weights()])
    return model


def softmax(logits):
    shares = np.exp(logits - logits.max())
    return shares / shares.sum()


def kept(logits, keep):
    """Return the softmax of some of the logits."""
    return softmax(np.where(keep, logits, -np.inf))


def top_k(k):
    return lambda logits: kept(logits, logits >= np.sort(logits)[-k])


def top_p(p):
    def distribution(logits):
        order = np.argsort(-logits)
        before = np.cumsum(softmax(logits)[order]) - softmax(logits)[order]
        return kept(logits, np.isin(np.arange(len(logits)), order[before < p]))

    return distribution


def min_p(p):
    return lambda logits: kept(logits, softmax(logits) >= p * softmax(logits).max())


@pytest.mark.parametrize(
    ("sampler", "distribution"),
    [
        ({"name": "temperature", "value": 0.7}, lambda logits: softmax(logits / 0.7)),
        ({"name": "top_k", "value": 3}, top_k(3)),
        ({"name": "top_p", "value": 0.8}, top_p(0.8)),
        ({"name": "min_p", "value": 0.2}, min_p(0.2)),
        ({"name": "no_repeat", "value": 900}, softmax),
    ],
    ids=lambda value: value["name"] if isinstance(value, dict) else "",
)
def test_each_sampler_draws_by_its_definition(sampler, distribution):
    # The one that looks at all the text before takes its time.
    testing.check_sampler(sampler, distribution, **({"draws": 20_000} if sampler["name"] == "no_repeat" else {}))


@pytest.mark.parametrize("wrong", [lambda logits: softmax(1.1 * logits), lambda logits: kept(logits, logits < 1)])
def test_another_distribution_is_found_out(wrong):
    with pytest.raises(SamplerError, match=r"of 20,000 draws the shares are|whose stated probability is 0"):
        testing.check_sampler("temperature", wrong, draws=20_000)


def test_a_plugin_draws_along(model):
    @keras_charrnn.register_sampler("sharper")
    class Sharper(samplers.Sampler):
        """Takes powers of the probabilities."""

        def __init__(self, power=2.0):
            self.power = power

        def apply(self, logits, numbers, state):
            return self.power * logits

    testing.check_sampler({"name": "sharper", "power": 3.0}, lambda logits: softmax(3 * logits))
    cold = model.generate("the ", 300, temperature=1, samplers=[{"name": "sharper", "power": 1e6}])
    assert cold == model.generate("the ", 300, temperature=0)
    with pytest.raises(SettingsError, match=r"the sampler 'sharper' refuses the arguments \{'prower': 2\}"):
        model.generate(samplers=[{"name": "sharper", "prower": 2}])
    with pytest.raises(RegistryError, match="unknown sampler 'sharpr', did you mean 'sharper'"):
        model.generate(samplers="sharpr")
    with pytest.raises(RegistryError, match="the sampler name 'top_k' is taken"):
        keras_charrnn.register_sampler("top_k")(Sharper)
    with pytest.raises(RegistryError, match="must be derived from"):
        keras_charrnn.register_sampler("mine")(dict)


class NarrowSampler(samplers.Sampler):
    def apply(self, logits, numbers, state):
        return logits[:, :-1]


class EmptySampler(samplers.Sampler):
    def apply(self, logits, numbers, state):
        return tf.fill(tf.shape(logits), -math.inf)


@pytest.mark.parametrize(
    ("cls", "message"),
    [(NarrowSampler, "apply must return logits"), (EmptySampler, "must leave a symbol in every row")],
)
def test_a_sampler_that_breaks_the_contract_is_told(cls, message):
    keras_charrnn.register_sampler("broken")(cls)
    with pytest.raises(SamplerError, match=message):
        testing.check_sampler("broken")


@pytest.mark.parametrize("size", [1, 2, 5])
def test_no_piece_comes_twice(model, size):
    texts = model.generate("the quick the ", 400, num_samples=3, temperature=0.3, no_repeat=size, seed=1)
    whole = model.generate("the quick the ", 400, num_samples=3, temperature=0.3, seed=1)

    def repeated(text):
        pieces = [text[i : i + size] for i in range(len(text) - size + 1)]
        return sum(piece in pieces[: max(0, place)] for place, piece in enumerate(pieces) if place >= 14)

    fresh = len(model.vocabulary) - len(set("the quick "))  # then each has been there, and any may follow
    for text, other in zip(texts, whole, strict=True):
        assert len(text) == 414 and repeated(other) > 100
        if size == 1:
            assert len(set(text[14 : 14 + fresh]) - set("the quick ")) == fresh
        else:
            assert repeated(text) <= (20 if size == 2 else 0)


def test_beams_of_one_are_greedy_and_of_many_find_what_an_exhaustive_search_finds():
    keras.utils.set_random_seed(3)
    tiny = CharRNN(Vocabulary("abc"), cell="gru", units=5, embedding=4)
    tiny.set_weights([4 * each for each in tiny.get_weights()])
    assert tiny.generate("a", 40, beams=1) == tiny.generate("a", 40, temperature=0)

    def nats(text):
        return tiny.score("a" + text).nats.sum()

    best = min(("".join(each) for each in itertools.product("abc", repeat=5)), key=nats)
    assert tiny.generate("a", 5, beams=81) == "a" + best
    (found,) = tiny.samples(["a"], 5, beams=81)
    assert found.nats == pytest.approx(nats(best), rel=1e-4) and found.ended == "length" and found.text == best
    assert nats(tiny.generate("a", 5, beams=8)[1:]) <= nats(tiny.generate("a", 5, temperature=0)[1:]) + 1e-5
    (ruled,) = tiny.samples(["a"], 5, beams=200, pattern="c.*b")
    allowed = [each for each in map("".join, itertools.product("abc", repeat=5)) if re.fullmatch("c.*b", each)]
    shorter = [
        each
        for n in range(2, 5)
        for each in map("".join, itertools.product("abc", repeat=n))
        if re.fullmatch("c.*b", each)
    ]
    assert ruled.text == min(allowed, key=nats) and shorter  # what may go on does
    with_stop = tiny.generate("a", 5, beams=8, stop="b")
    assert "b" not in with_stop


PATTERNS = [
    r"[A-Z][a-z]+( [a-z]+){2,5}\.", r"\w+", r"(?i:the|fox) .*", r"[^aeiou]*", r"(the |quick |fox ){3,9}", r"[a-z]{7}",
    r"(\w+ ){4}\w+", r"(ab|cd)+e?", r".{1,30}\.", r"\S+(\s\S+)*", r"[Tt]he ([a-z]{3,5} )*dog", r"a*b*c*d*",
    r"((o|e).)*", r"[^ ]{2} [^ ]{3} [^ ]{4}", r"(.)*", r"[a-fA-F]+", r"q(u|b)(.[a-z]){2,}",
    r"x|y|zz*", r"(a|b)*a(a|b){3}", r"(.{1,9}\n){2,5}",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_texts_match_their_pattern_and_none_ends_dead(model, pattern, request):
    for length, count in ((40, 1000 if is_thorough(request.config) else 40), (17, 10)):
        found = model.samples(["the "], length, count, temperature=1.5, seed=5, pattern=pattern)
        for sample in found:
            assert re.fullmatch(pattern, sample.text), sample.text
            assert len(sample.text) <= length
            assert len(sample.text) == length or sample.ended == "pattern"


def patterns():
    """Return a strategy of regular expressions over the letters of the text."""
    one = st.sampled_from([*"abct e", ".", r"\w", "[a-f]", "[^a-z]", r"\n?", "(?i:T)"])
    return st.recursive(
        one,
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map("".join),
            st.lists(inner, min_size=2, max_size=3).map(lambda each: f"(?:{'|'.join(each)})"),
            st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,3}"])).map(
                lambda pair: f"(?:{pair[0]}){pair[1]}"
            ),
        ),
        max_leaves=6,
    )


@settings(max_examples=15, deadline=None)
@given(patterns(), st.integers(0, 2**31))
def test_any_pattern_is_kept(pattern, seed):
    """With every sampler, in texts that are streamed and in batches."""
    model = ANY_MODEL()
    try:
        texts = [each.text for each in model.samples(["", "the "], 12, 4, seed=seed, temperature=2, pattern=pattern)]
        texts.append("".join(model.stream("ab", 12, seed=seed, pattern=pattern, top_k=2, no_repeat=2))[2:])
    except SettingsError as error:
        assert re.search("takes .* symbols at least|nothing of the model's", str(error))
        return
    assert all(re.fullmatch(pattern, text) for text in texts), texts


_kept = []


def ANY_MODEL():
    if not _kept:
        keras.utils.set_random_seed(1)
        _kept.append(CharRNN(Vocabulary("abct eh\nT.fxyz"), cell="gru", units=4, embedding=4))
    return _kept[0]


@given(patterns(), st.text("abct e\nTx.", max_size=8))
def test_a_machine_matches_what_the_expression_matches(pattern, text):
    characters = "abct eh\nT.fxyz"
    machine, state = machine_of(pattern, characters), 0
    for character in text:
        state = machine.table[state, characters.index(character)] if state >= 0 else -1
    assert bool(state >= 0 and machine.ends[state]) == (re.fullmatch(pattern, text) is not None)


def test_characters_may_be_allowed_and_forbidden(model):
    lipogram = model.generate("the ", 500, forbid="eE", temperature=1, seed=2)[4:]
    assert len(lipogram) == 500 and not set(lipogram) & set("eE") and "e" in model.generate("the ", 500, seed=2)[4:]
    assert re.fullmatch("[a-m ]{500}", model.generate("the ", 500, allow="a-m ", temperature=1)[4:])
    assert re.fullmatch("[b-m ]{50}", model.generate("the ", 50, allow=r"\w ", forbid="n-zaA-Z0-9", temperature=1)[4:])
    lines = model.generate("the ", 500, line_pattern="[A-Z].{3,30}[.]", temperature=1.5, seed=1)[4:]
    assert lines.count("\n") > 5
    assert all(re.fullmatch("[A-Z].{3,30}[.]", line) for line in lines.removesuffix("\n").split("\n"))
    greedy = model.generate("the ", 30, temperature=0, pattern="[^ ]*", top_k=1)[4:]
    assert len(greedy) == 30 and " " not in greedy


def test_what_rules_cost_and_what_a_text_is_worth(model):
    """The nats are those of a score; the cost is the probability of all that was not allowed."""
    (sample,) = model.samples(["the "], 60, temperature=0.7, seed=3, top_k=5)
    score = model.score("the " + sample.text)
    assert sample.nats == pytest.approx(score.nats[3:].sum(), rel=1e-3) and sample.cost == 0 and sample.symbols == 60
    logits = np.array([1.0, 0.5, -1.0, 2.0])
    generator = Generator(Constant(logits))
    (ruled,) = generator.samples([""], 50, allow="ab", seed=1)
    shares = softmax(logits)
    assert ruled.cost_per_character == pytest.approx(-math.log(shares[1] + shares[2]), rel=1e-4)
    assert ruled.nats == pytest.approx(sum(-math.log(shares["\nab".index(each)]) for each in ruled.text), rel=1e-4)
    stopped = generator.samples(["a"], 200, seed=1, stop=["ab", "b"])[0]
    assert stopped.ended == "stop" and not {"b"} & set(stopped.text)
    assert stopped.nats == pytest.approx(sum(-math.log(shares["\nabc".index(c)]) for c in stopped.text), rel=1e-4)


def test_prefixes_of_all_lengths_are_read_side_by_side(model):
    prefixes = ["the quick brown fox " * 40, "a", "", "lazy dog", "the quick " * 52]
    together = model.samples(prefixes, 30, temperature=0)
    for prefix, sample in zip(prefixes, together, strict=True):
        assert sample.prefix + sample.text == model.generate(prefix, 30, temperature=0)
    twice = model.samples(prefixes[1:3], 20, num_samples=2, seed=4)
    assert [each.prefix for each in twice] == ["a", "a", "", ""] and len({each.text for each in twice}) == 4


def test_the_best_of_several_is_the_likeliest_of_them(model):
    every = model.samples(["the "], 30, num_samples=6, temperature=1, seed=8)
    best = model.samples(["the "], 30, num_samples=2, best_of=3, temperature=1, seed=8)
    for number, sample in enumerate(best):
        group = every[3 * number : 3 * number + 3]
        assert sample == min(group, key=lambda each: each.nats_per_symbol)


def test_the_stop_that_is_complete_first_ends_a_text(model):
    text = model.generate("the ", 300, temperature=1, seed=1)[4:]
    stops = [text[100:103], text[60:62], text[200:201]]
    ended = min((text.find(each) + len(each), text.find(each)) for each in stops)[1]
    assert model.generate("the ", 300, temperature=1, seed=1, stop=stops)[4:] == text[:ended]
    assert "".join(model.stream("the ", 300, temperature=1, seed=1, stop=stops))[4:] == text[:ended]


@pytest.mark.parametrize("vocabulary", [ByteVocabulary(), WordVocabulary([*"abcdfe \n", " abc", " fed", "bad"])])
def test_rules_hold_in_other_units(vocabulary):
    keras.utils.set_random_seed(1)
    model = CharRNN(vocabulary, "gru", 6, embedding=4)
    for sample in model.samples(["a"], 20, 10, temperature=1.5, seed=1, pattern="([a-c ]{1,4}d)*f?"):
        assert re.fullmatch("([a-c ]{1,4}d)*f?", sample.text) and sample.symbols <= 20
    assert not set(model.generate("a", 50, temperature=1, forbid="e\\W")[1:]) - set(
        "abcdf" if len(vocabulary) < 99 else map(chr, range(128))
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pattern": "(a"}, r"pattern is no regular expression: missing \), .*: '\(a'"),
        ({"pattern": "[0-9]+"}, "nothing of the model's .* symbols can be pattern"),
        ({"pattern": "é"}, "nothing of the model's"),
        ({"pattern": "a(?=b)"}, "has what no state machine can do: a look ahead or back"),
        ({"pattern": "(a|b)*a(a|b){30}"}, "the state machine has more than 20,000 states, the limit"),
        ({"pattern": "a{300000}"}, "is too large: it has more than 200,000 parts, the limit"),
        ({"pattern": "[a-z]{50}", "length": 20}, "takes 50 symbols at least; length is 20"),
        ({"allow": "0-9"}, "allow '0-9' leaves none of the model's"),
        ({"allow": "z-a"}, "allow is as within the brackets of a regular expression, .*bad character range z-a"),
        ({"forbid": ""}, "forbid must be one character or more"),
        ({"forbid": r"\w\W"}, "leaves none of the model's"),
        ({"beams": 2, "temperature": 0.5}, "beams search for the likeliest text, and draw none: leave out temperature"),
        ({"beams": 0}, "beams must be a whole number from 1 to 1024; received 0"),
        ({"beams": 2, "num_samples": 3}, "beams find one text, the likeliest, and 3 are asked for"),
        ({"min_p": 1.5}, "min_p must be from 0 to 1; received 1.5"),
        ({"no_repeat": 0}, "no_repeat must be a whole number from 1 to 1000; received 0"),
        ({"samplers": 3}, "samplers must be a list of names"),
        ({"pattern": 3}, "pattern must be a text; received 3"),
        ({"stop": ["a", ""]}, "stop must be a text of at least one character, or a list of them"),
        ({"stop": ["é"]}, "the stop text has the character 'é'"),
    ],
)
def test_settings_that_cannot_be_are_refused(model, given, message):
    with pytest.raises(CharRNNError, match=message):
        model.generate("the ", **given)


def test_a_sample_is_plain_values(model):
    (sample,) = model.samples(["the "], 5, seed=1, forbid="e")
    mapping = json.loads(json.dumps(sample.to_mapping()))
    assert mapping.keys() >= {"prefix", "text", "nats", "symbols", "ended", "settings", "cost_per_character"}
    assert mapping["settings"] == {"length": 5, "stop": None, "seed": 1, "forbid": "e"} and mapping["ended"] == "length"
    with pytest.raises(SettingsError, match="best_of must be a whole number of 1 or more"):
        model.samples(["a"], best_of=0)
