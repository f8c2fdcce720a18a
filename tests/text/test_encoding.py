import concurrent.futures
import io
import pathlib
import time

import numpy as np
import pytest
import rich.console

import keras_charrnn
from keras_charrnn.errors import CorpusError, RecipeError, VocabularyError, WriteError
from keras_charrnn.text import corpora, encoding
from keras_charrnn.text.vocabularies import REPLACEMENT, Vocabulary
from keras_charrnn.text.windows import evaluation_windows, split, training_windows
from tests.conftest import TEXT


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_CHARRNN_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "ids"


@pytest.fixture
def text(monkeypatch):
    monkeypatch.setattr("keras_charrnn.text.corpora.text.PIECE", 100)  # many pieces, cut within characters too
    return corpora.from_text("a", TEXT + "naïve ☃ " * 50, "a.txt")


def stored(text, vocabulary):
    return encoding.encode(text, vocabulary, longest=10)


def test_a_long_text_has_the_ids_of_a_short_one_in_a_file_that_is_made_once(text, cache):
    vocabulary = Vocabulary.from_text(text)
    assert vocabulary == Vocabulary.of(text.text)
    ids = stored(text, vocabulary)
    np.testing.assert_array_equal(ids, vocabulary.encode(text.text))
    np.testing.assert_array_equal(ids, encoding.encode(text, vocabulary))
    assert isinstance(ids, encoding.StoredIds) and len(ids) == text.characters
    (path,) = cache.iterdir()
    written = path.stat().st_mtime_ns
    stored(text, vocabulary)
    assert path.stat().st_mtime_ns == written
    stored(text, Vocabulary.of(text.text + "Ω"))
    assert len(list(cache.iterdir())) == 2


def test_of_several_processes_that_need_it_one_makes_it_and_the_others_wait(text, cache, monkeypatch):
    made, write = [], encoding._write

    def slowly(path, pieces):
        made.append(path)
        time.sleep(0.5)
        write(path, pieces)

    monkeypatch.setattr(encoding, "_write", slowly)
    vocabulary = Vocabulary.of(text.text)
    with concurrent.futures.ThreadPoolExecutor(3) as threads:  # a file that is opened anew has a lock of its own
        found = list(threads.map(lambda _: np.asarray(stored(text, vocabulary)), range(3)))
    assert len(made) == 1
    for each in found:
        np.testing.assert_array_equal(each, vocabulary.encode(text.text))


def test_a_damaged_file_is_made_anew(text, cache):
    vocabulary = Vocabulary.of(text.text)
    stored(text, vocabulary)
    (path,) = cache.iterdir()
    for damage in (b"", path.read_bytes()[:-1], path.read_bytes()[:-1] + b"\xff"):
        path.write_bytes(damage)
        with pytest.warns(UserWarning, match=r"\.ids is damaged; it is made anew"):
            np.testing.assert_array_equal(stored(text, vocabulary), vocabulary.encode(text.text))


def test_a_folder_that_cannot_be_written_is_named(text, cache):
    cache.parent.mkdir()
    cache.write_text("a file")
    with pytest.raises(WriteError, match=r"cannot be kept in .*ids: .*KERAS_CHARRNN_CACHE names another folder"):
        stored(text, Vocabulary.of(text.text))


def test_stored_ids_are_read_like_an_array(text, rng, monkeypatch):
    monkeypatch.setattr(encoding, "REOPENED", 3)
    vocabulary = Vocabulary.of(text.text)
    ids, array = stored(text, vocabulary), vocabulary.encode(text.text)
    for _ in range(10):
        places = rng.integers(0, len(array), (3, 4))
        np.testing.assert_array_equal(ids[places], array[places])
    part = ids[100:-50][7:]
    np.testing.assert_array_equal(part, array[100:-50][7:])
    np.testing.assert_array_equal(part[np.arange(9)], array[107:116])
    assert part[5:2:1].dtype == array.dtype and len(part[5:2]) == 0
    for wrong in ([-1], [len(part)]):
        with pytest.raises(IndexError, match="ids from 0 to"):
            part[np.array(wrong)]
    with pytest.raises(IndexError, match="step 1"):
        ids[::2]


def test_windows_of_stored_ids_are_those_of_an_array(text):
    vocabulary = Vocabulary.of(text.text)
    parts = [split(ids, (0.8, 0.2)) for ids in (stored(text, vocabulary), vocabulary.encode(text.text))]
    for make, index in ((lambda ids: training_windows(ids, 4, 20, True), 0), (evaluation_windows, 1)):
        ours, wanted = (list(make(each[index]).dataset.as_numpy_iterator()) for each in parts)
        assert len(ours) == len(wanted) > 0
        for one, other in zip(ours, wanted, strict=True):
            for mine, theirs in zip(one, other, strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_an_unknown_character_of_a_long_text_has_its_place(text):
    place = text.text.index("☃")
    line = text.text.count("\n", 0, place) + 1
    with pytest.raises(VocabularyError, match=rf"a\.txt has the character '☃' .* at {place:,} \(line {line}\)"):
        stored(text, Vocabulary.of(text.text.replace("☃", "")))


@pytest.mark.parametrize("unknown", ["drop", "replace"])
def test_rare_characters_can_be_left_out(text, unknown):
    vocabulary = Vocabulary.from_text(text, unknown, min_count=51)
    assert not {"☃", "ï"} & set(vocabulary.symbols) and (REPLACEMENT in vocabulary) == (unknown == "replace")
    ids = vocabulary.encode(text.text)
    np.testing.assert_array_equal(vocabulary.tally(text, []), np.bincount(ids, minlength=len(vocabulary)))
    if unknown == "replace":
        rare = sum(text.text.count(each) for each in set(text.text) if text.text.count(each) < 51)
        assert vocabulary.tally(text, [])[vocabulary.symbols.index(REPLACEMENT)] == rare


def test_bytes_that_are_no_utf8_are_an_error_or_replaced():
    pathlib.Path("a.txt").write_bytes(b"fine\nb\xffd \xe2\x98")
    with pytest.raises(CorpusError, match=r"a\.txt is not UTF-8: byte 6 \(0xff\) in line 2"):
        corpora.load(path="a.txt")
    assert corpora.load(path="a.txt", invalid="replace").text == f"fine\nb{REPLACEMENT}d {REPLACEMENT}"
    assert corpora.load(path="a.txt", invalid="replace", max_bytes=10).text == f"fine\nb{REPLACEMENT}d "


def test_progress_is_told_of_both_readings(text):
    read, encoded = [], []
    pathlib.Path("a.txt").write_text(TEXT)
    found = corpora.load(path="a.txt", progress=read.append)
    encoding.encode(found, Vocabulary.of(TEXT), progress=encoded.append)
    assert sum(read) == sum(encoded) == len(TEXT)


def test_a_run_on_stored_ids_is_the_run_on_ids_in_memory(tiny, monkeypatch, cache):
    console = rich.console.Console(file=io.StringIO())
    one = keras_charrnn.fit(tiny, console=console)
    monkeypatch.setattr(encoding, "LONGEST", 100)
    monkeypatch.setattr(encoding.encode, "__defaults__", (None, 100))
    two = keras_charrnn.fit(tiny, console=console)
    assert (one.folder / "metrics.jsonl").read_text() == (two.folder / "metrics.jsonl").read_text()
    assert list(cache.iterdir())
    assert keras_charrnn.evaluate(two).nats_per_character == keras_charrnn.evaluate(one).nats_per_character


def test_a_vocabulary_of_very_many_symbols_is_remarked_on(tiny, tmp_path):
    (tmp_path / "text.txt").write_text(TEXT * 2 + "".join(map(chr, range(0x4E00, 0x4E00 + 1100))), encoding="utf-8")
    console = rich.console.Console(file=io.StringIO(), width=400)
    keras_charrnn.fit(tiny, {"training.epochs": 1, "samples.every_epochs": 0}, console=console)
    shown = console.file.getvalue()
    assert "1,131 symbols are many" in shown and "the rarest are 一 丁" in shown and "min_count: 10" in shown
    with pytest.raises(RecipeError, match="vocabulary: min_count leaves characters out"):
        keras_charrnn.fit(tiny, {"vocabulary.min_count": 2})
