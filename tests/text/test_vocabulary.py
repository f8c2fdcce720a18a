import numpy as np
import pytest

from keras_charrnn import Vocabulary
from keras_charrnn.errors import VocabularyError


def test_symbols_are_code_points_in_sorted_order():
    vocabulary = Vocabulary.of("banana 🍌é\n")
    assert vocabulary.symbols == "\n abné🍌"
    assert [vocabulary.symbols.index(c) for c in "banana"] == vocabulary.encode("banana").tolist()
    assert len(vocabulary) == 7
    assert "é" in vocabulary and "x" not in vocabulary


def test_any_text_survives_the_round_trip():
    text = "".join(map(chr, range(0xD7FF))) + "𝄞🍌\r\n\x00"
    vocabulary = Vocabulary(text)
    assert vocabulary.decode(vocabulary.encode(text)) == text


@pytest.mark.parametrize(("count", "dtype"), [(2, np.uint8), (256, np.uint8), (257, np.uint16), (65537, np.uint32)])
def test_ids_take_the_smallest_integer_type(count, dtype):
    text = "".join(map(chr, [*range(0xD800), *range(0xE000, 0xE000 + count)][:count]))
    ids = Vocabulary(text).encode(text)
    assert ids.dtype == dtype
    assert ids.tolist() == list(range(count))


@pytest.mark.parametrize("character", ["z", "a", "\ud800", "🍌"])
def test_an_unknown_character_is_named_with_its_place_and_what_to_do(character):
    with pytest.raises(
        VocabularyError, match=r"the prefix has the character .*, at 2 \(line 2\), .* lacks \(2 such .*leave it out"
    ):
        Vocabulary("x\n").encode(f"x\n{character}{character}", what="the prefix")
    with pytest.raises(VocabularyError, match=r"at 1,002 \(line 8\)"):
        Vocabulary("x\n").encode(f"x\n{character}", characters=1000, line=7)
    assert Vocabulary("x\n").knows(f"x{character}\n").tolist() == [True, False, True]


def test_unknown_characters_are_dropped_or_replaced_by_choice():
    assert Vocabulary("abc", unknown="drop").encode("axbyc").tolist() == [0, 1, 2]
    replacing = Vocabulary("abc", unknown="replace")
    assert replacing.symbols == "abc\N{REPLACEMENT CHARACTER}"
    assert replacing.decode(replacing.encode("axc🍌")) == "a\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize("text", ["", "aaaa"])
def test_fewer_than_two_symbols_are_none(text):
    with pytest.raises(VocabularyError, match="at least 2 different characters"):
        Vocabulary(text)


def test_an_unknown_policy_is_refused():
    with pytest.raises(VocabularyError, match="unknown must be one of error, drop, replace; received 'ignore'"):
        Vocabulary("ab", unknown="ignore")


def test_the_configuration_makes_an_equal_vocabulary():
    vocabulary = Vocabulary("hello", unknown="replace")
    assert Vocabulary(**vocabulary.get_config()) == vocabulary
    assert hash(Vocabulary(**vocabulary.get_config())) == hash(vocabulary)
    assert vocabulary != Vocabulary("hello")
    assert "hello"[1] in repr(vocabulary)
