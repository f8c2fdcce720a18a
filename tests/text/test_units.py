"""Vocabularies of bytes, words and other pieces: any text comes back, in whatever pieces it came."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import keras_charrnn
from keras_charrnn import Vocabulary, registry
from keras_charrnn.errors import RegistryError, VocabularyError
from keras_charrnn.text import corpora, vocabularies
from keras_charrnn.text.parts import beginning, encode_parts
from keras_charrnn.text.vocabularies import ByteVocabulary, PieceVocabulary, WordVocabulary

UNITS = ["character", "byte", "word", {"name": "word", "most": 9}]
TEXT = "Hello  world,\nhello — wörld!\n\t日本 ok 🎉 e\u0301\n\x1eHello\r\n"
TEXTS = st.text(
    st.one_of(st.sampled_from("ab \n\t.,é日🎉\x1e"), st.characters(codec="utf-8", exclude_characters="\r")), min_size=1
)


def of(text, unit):
    return vocabularies.make(corpora.from_text("text", text, "here"), unit)


@given(st.sampled_from(UNITS), TEXTS, st.integers(1, 7))
def test_any_text_survives_the_round_trip_in_pieces_of_any_size(unit, text, size):
    vocabulary = of(text + "xy", unit)
    ids = vocabulary.encode(text)
    assert vocabulary.decode(ids) == text and ids.dtype == vocabulary.dtype
    pieces = [*vocabulary.encode_pieces(text[i : i + size] for i in range(0, len(text), size))]
    assert "".join(piece for piece, _ in pieces) == text
    assert np.array_equal(np.concatenate([found for _, found in pieces]), ids)
    decode = vocabulary.decoder()
    parts = [ids[i : i + size] for i in range(0, len(ids), size)]
    assert "".join(decode(part, part is parts[-1]) for part in parts) == text
    assert vocabulary.characters(ids) == len(text) == sum(vocabulary.lengths[ids])
    assert np.array_equal(vocabulary.counts(ids), np.bincount(ids, minlength=len(vocabulary)))


@given(st.binary())
def test_any_file_at_all_is_bytes(data):
    vocabulary, text = ByteVocabulary(), data.decode("utf-8", "surrogateescape")
    ids = vocabulary.encode(text)
    assert ids.tobytes() == data
    decode = vocabulary.decoder()
    made = "".join(decode(ids[i : i + 1], i == len(ids) - 1) for i in range(len(ids)))
    assert made.encode("utf-8", "surrogateescape") == data
    assert len(vocabulary.spread(text, ids, np.ones(len(ids)))) == len(text)
    assert np.sum(vocabulary.spread(text, ids, np.ones(len(ids)))) == len(data)


@given(st.sampled_from(UNITS), TEXTS, st.integers(0, 2**32))
def test_nats_of_symbols_are_shared_out_among_their_characters(unit, text, seed):
    vocabulary = of(text + "xy", unit)
    ids = vocabulary.encode(text)
    nats = np.random.default_rng(seed).uniform(0, 5, len(ids))
    spread = vocabulary.spread(text, ids, nats)
    assert spread.dtype == np.float32 and len(spread) == len(text)
    assert np.sum(spread) == pytest.approx(np.sum(nats), rel=1e-5)


def test_words_are_cut_by_the_stated_rule():
    assert of(TEXT, "word").cut_up(" It's 3.5_a,  so…\tit is\n\n") == [
        " It", "'", "s", " 3", ".", "5_a", ",", " ", " so", "…", "\t", "it", " is", "\n", "\n",
    ]  # fmt: skip
    assert of("to be or not to be", "word").symbols == (*" benort", " be", "to", " or", " not", " to")


def test_rare_words_are_spelled_and_the_most_frequent_are_kept():
    text = "the cat the cat the dog"
    assert of(text, {"name": "word", "min_count": 2}).symbols == (*" acdeghot", " cat", " the")
    few = of(text, {"name": "word", "most": 11})
    assert few.symbols == (*" acdeghot", " cat", " the") and few.decode(few.encode(" dog the")) == " dog the"
    assert [few.symbols[each] for each in few.encode(" dog the")] == [" ", "d", "o", "g", " the"]
    assert of(text, {"name": "word", "most": 2}).symbols == tuple(" acdeghot")  # no character is left out


def test_a_word_with_an_unknown_character_is_an_error_or_loses_it():
    with pytest.raises(VocabularyError, match=r"the text has the character 'ж' .* at 8 \(line 2\).* \(2 such"):
        of(TEXT, "word").encode("hello\n wжж")
    dropping = WordVocabulary("helo", unknown="drop")
    assert dropping.decode(dropping.encode("helжlo")) == "hello"
    assert dropping.knows("helжlo").tolist() == [True, True, True, False, True, True]
    assert np.isnan(dropping.spread("helжlo", dropping.encode("helжlo"), np.ones(5))).tolist() == [0, 0, 0, 1, 0, 0]
    replacing = WordVocabulary("helo", unknown="replace")
    assert replacing.decode(replacing.encode("helжlo")) == "hel\N{REPLACEMENT CHARACTER}lo"


def test_new_symbols_follow_those_that_are_known():
    words = of("to be or not", "word")
    more = words.with_added(of("to see", "word").symbols)
    assert more.symbols[: len(words)] == words.symbols and more.symbols[len(words) :] == (" see", "s")
    assert ByteVocabulary().with_added(ByteVocabulary().symbols) == ByteVocabulary()


@pytest.mark.parametrize("unit", UNITS)
def test_the_configuration_makes_an_equal_vocabulary(unit):
    vocabulary = of(TEXT, unit)
    again = vocabularies.from_config(vocabularies.config_of(vocabulary))
    assert again == vocabulary and hash(again) == hash(vocabulary) and type(again) is type(vocabulary)
    assert vocabulary != of(TEXT + "§", "character")
    assert type(vocabulary).__name__ in repr(vocabulary)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.1), (0.5, 0.25, 0.0), (1.0, 0.0, 0.0)])
def test_every_unit_has_the_same_splits_of_the_text(unit, shares):
    text = TEXT.replace("\r", "") * 20  # as texts are read
    found = encode_parts(corpora.from_text("text", text, "here"), of(text, unit), shares)
    expected = encode_parts(corpora.from_text("text", text, "here"), Vocabulary.of(text), shares)
    vocabulary = of(text, unit)
    parts = [vocabulary.decode(part) for part in found.values()]
    assert "".join(parts) == text[: sum(map(len, parts))]
    for part, whole in zip(parts, expected.values(), strict=True):
        assert abs(len(part) - len(whole)) < 10  # a word that stands at the cut is in one of them as a whole


@given(st.sampled_from(UNITS), TEXTS, st.data())
def test_the_beginning_of_a_text_has_so_many_characters_in_every_unit(unit, text, data):
    vocabulary, wanted = of(text + "xy", unit), data.draw(st.integers(1, len(text)))
    ids = vocabulary.encode(text)
    found = beginning(ids, wanted, vocabulary)
    last = np.flatnonzero(vocabulary.lengths[found])[-1]  # of what stands for characters; the rest goes on with that
    assert vocabulary.characters(found[:last]) < wanted <= vocabulary.characters(found)
    assert np.array_equal(found, ids[: len(found)]) and text.startswith(vocabulary.decode(found))
    assert np.array_equal(beginning(ids, len(text), vocabulary), ids)


def test_the_most_frequent_characters_can_be_chosen():
    assert vocabularies.make(corpora.from_text("t", "aaabbc", ""), unknown="drop", most=2).symbols == "ab"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"unit": "byte", "min_count": 3},
            "vocabulary.min_count: the unit byte takes no settings; leave min_count out",
        ),
        ({"unit": {"name": "word", "moist": 3}}, "moist: the unit word takes .* did you mean 'most'"),
        ({"unit": "bite"}, "unknown vocabulary 'bite', did you mean 'byte'"),
    ],
)
def test_settings_that_a_unit_does_not_take_are_refused(settings, message):
    with pytest.raises(keras_charrnn.errors.CharRNNError, match=message):
        vocabularies.make(corpora.from_text("text", TEXT, "here"), **settings)


@pytest.mark.parametrize("symbols", [["a"], ["a", "a", "b"], ["a", ""]])
def test_pieces_that_are_no_vocabulary_are_refused(symbols):
    with pytest.raises(VocabularyError, match="2 or more pieces of text are needed, all different"):
        WordVocabulary(symbols)


def test_a_lone_surrogate_is_neither_a_character_nor_a_byte():
    with pytest.raises(VocabularyError, match=r"the lone surrogate U\+D800, at 4 \(line 2\)"):
        ByteVocabulary().encode("abc\n\ud800")
    with pytest.raises(VocabularyError, match="must be a str; received bytes"):
        ByteVocabulary().encode(b"abc")


def test_what_is_no_vocabulary_cannot_be_registered():
    with pytest.raises(RegistryError, match="must be derived from"):
        keras_charrnn.register_vocabulary("mine")(dict)
    with pytest.raises(RegistryError, match="it lacks cut_up, from_text"):
        keras_charrnn.register_vocabulary("mine")(type("Mine", (PieceVocabulary,), {}))
    assert "mine" not in registry.vocabularies.names()


def test_a_file_is_read_as_it_is(tmp_path):
    data = bytes(range(256)) + "\ufeffé\r\n日\r".encode() + b"\xff\xfe"
    (tmp_path / "any.bin").write_bytes(data)
    text = corpora.load(path=str(tmp_path / "any.bin"), encoding="bytes")
    assert text.text.encode("utf-8", "surrogateescape") == data and text.notes == ()
    assert encode_parts(text, ByteVocabulary(), (1.0, 0.0, 0.0))["train"].tobytes() == data
    cut = corpora.load(path=str(tmp_path / "any.bin"), encoding="bytes", max_bytes=257)
    assert cut.text.encode("utf-8", "surrogateescape") == data[:256]  # the last one begins a character
    assert re.search("auto, bytes or an encoding", keras_charrnn.recipe.sections.ENCODING.accepted)
