"""Texts as people have them: in any encoding, packed, with any line ends; and what is taken for a text and is none."""

import bz2
import codecs
import functools
import gzip
import io
import json
import lzma
import pathlib
import sys
import tarfile
import tracemalloc
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keras_charrnn import Vocabulary
from keras_charrnn.cli import main
from keras_charrnn.common.encodings import NAMES
from keras_charrnn.errors import CorpusError, RecipeError, SettingsError
from keras_charrnn.recipe import read
from keras_charrnn.text import corpora, encoding
from tests.conftest import TEXT

RUSSIAN = "Мой дядя самых честных правил,\nКогда не в шутку занемог\n" * 20  # noqa: RUF001

gzipped = functools.partial(gzip.compress, mtime=0)  # the same bytes whenever it is done


def zipped(**members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "/"), data, zipfile.ZIP_STORED if name == "mimetype" else None)
    return buffer.getvalue()


def tarred(mode):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        info = tarfile.TarInfo("text.txt")
        info.size = len(TEXT)
        archive.addfile(info, io.BytesIO(TEXT.encode()))
    return buffer.getvalue()


def write(data, name="a.txt"):
    pathlib.Path(name).write_bytes(data)
    return name


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
        gzipped(TEXT.encode()),
        gzipped(TEXT[:999].encode()) + gzipped(TEXT[999:].encode()),
        bz2.compress(TEXT.encode()),
        bz2.compress(TEXT[:999].encode()) + bz2.compress(TEXT[999:].encode()),
        lzma.compress(TEXT.encode()),
        lzma.compress(TEXT[:999].encode()) + lzma.compress(TEXT[999:].encode()),
        gzipped(codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")),
    ],
)
def test_marks_and_what_packed_a_text_are_recognised_whatever_its_name(data):
    assert corpora.load(path=write(data)).text == TEXT


@pytest.mark.parametrize(
    "name", ["utf-8", "UTF-16", "utf-16-be", "utf_32_le", "koi8-r", "cp1251", "iso8859_5", "mac-cyrillic"]
)
def test_a_text_is_read_in_the_encoding_that_is_named(name):
    assert corpora.load(path=write(RUSSIAN.encode(name)), encoding=name).text == RUSSIAN


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("thé".encode("latin-1"), r"is not UTF-8: byte 2 \(0xe9\) in line 1; name its encoding by corpus\."
         "encoding in the recipe, or by --encoding: cp1252, latin-1"),
        (RUSSIAN.encode("koi8-r"), r"is not UTF-8: byte 0 \(0xed\) in line 1"),
        (RUSSIAN.encode("gb18030"), r"is not UTF-8: byte 0 \(0xa7\) in line 1"),
        (TEXT.encode("utf-16-le"), "looks like UTF-16-LE without a byte-order mark; name its encoding .*: utf-16-le"),
        (RUSSIAN.encode("utf-16-be"), "looks like UTF-16-BE without a byte-order mark"),
        (TEXT.encode("utf-32-le"), "looks like UTF-32-LE without a byte-order mark"),
        (RUSSIAN.encode("utf-32-be"), "looks like UTF-32-BE without a byte-order mark"),
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le") + b"x", r"is not UTF-16: byte 6562 \(0x78\) in line 81"),
        (zipped(**{"[Content_Types].xml": "x", "word__document.xml": TEXT}), "is a Word, Excel or PowerPoint "
         "file, not a plain text; save it as plain text"),
        (zipped(mimetype="application/epub+zip", text=TEXT), "is an EPUB book"),
        (zipped(mimetype="application/vnd.oasis.opendocument.text", text=TEXT), "is an OpenDocument file"),
        (zipped(text=TEXT), "is a zip archive, not a plain text; unpack it with `unzip`"),
        (zipped(), "is a zip archive"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + bytes(99), "is an old Word, Excel or PowerPoint file"),
        (b"%PDF-1.7\n" + TEXT.encode(), "is a PDF file.*`pdftotext`"),
        (rb"{\rtf1\ansi " + TEXT.encode(), "is an RTF file"),
        (bytes.fromhex("28b52ffd") + bytes(99), "is packed by zstd, not a plain text; unpack it with `zstd -d`"),
        (bytes.fromhex("377abcaf271c") + bytes(99), "is a 7z archive"),
        (b"Rar!\x1a\x07\x00" + bytes(99), "is a rar archive"),
        (tarred("w"), "is a tar archive, not a plain text; unpack it with `tar -xf`"),
        (tarred("w:gz"), "is a tar archive, packed by gzip, not a plain text"),
        (tarred("w:xz"), "is a tar archive, packed by xz"),
        (gzipped(gzipped(TEXT.encode())), "is packed once more, packed by gzip"),
        (b"\x89PNG\r\n\x1a\n" + bytes(99), "is a picture"),
        (b"\x93NUMPY\x01\x00" + bytes(99), "is an array of NumPy"),
        (b"SQLite format 3\0" + bytes(99), "is an SQLite database"),
        (b"\x7fELF" + bytes(99), "is a program"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n", "is a pointer of Git LFS, not a "
         "plain text; fetch it with `git lfs pull`"),
        (bytes(range(256)), r"is not UTF-8: byte 128 \(0x80\) in line 3; 27 of its first 256 bytes are control "
         "characters, so it is hardly a plain text: save it as one, or name its encoding .*: utf-16-le or another"),
        ("床前明月光疑是地上霜".encode("utf-16-be") * 9, "is not UTF-8: .* so it is hardly a plain text"),
        (RUSSIAN.encode()[:-2], r"is not UTF-8: byte 2017 \(0xd0\) in line 40; name its encoding .*; or, if it was cut "
         "there, leave out that piece of a character$"),
        (gzipped(TEXT.encode())[:-9], "is damaged, or a part of it is missing: Compressed file ended"),
        (gzipped(TEXT.encode())[:-8] + bytes(8), "is damaged: CRC check failed"),
        (gzipped(TEXT.encode()) + b"no more of it", "is damaged: Not a gzipped file"),
        (bz2.compress(TEXT.encode())[:-9], "is damaged, or a part of it is missing"),
        (lzma.compress(TEXT.encode())[:-9], "is damaged, or a part of it is missing"),
        (bz2.compress(TEXT.encode())[:20] + bytes(99), "is damaged: Invalid data stream"),
        (lzma.compress(TEXT.encode())[:20] + bytes(99), "is damaged, or a part of it is missing: Corrupt input data"),
        (gzipped(b""), "is empty"),
    ],
)  # fmt: skip
def test_what_is_no_text_or_in_another_encoding_is_named_with_what_to_do(data, message):
    with pytest.raises(CorpusError, match=rf"(?s)a\.txt.* {message}"):
        corpora.load(path=write(data))


@pytest.mark.parametrize(
    "command", ["new", "score", "evaluate", "write", pytest.param("inspect", marks=pytest.mark.thorough)]
)
def test_every_command_that_takes_a_text_reads_and_refuses_it_alike(trained, command, capsys, monkeypatch):
    def run(*arguments):
        if command == "new":
            return main(["new", *arguments, "--output", "none/a.yaml"])  # the text is read, and nothing written
        return main([command, str(trained.folder), *(["--text"] if command != "score" else []), *arguments])

    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))  # of write, which has no more to do

    write(b"%PDF-1.7\n")
    assert run("a.txt") == 2
    assert "a.txt is a PDF file" in capsys.readouterr().err
    write(TEXT.encode("utf-16-be"), "b.txt")
    assert run("b.txt") == 2
    assert "b.txt looks like UTF-16-BE" in capsys.readouterr().err
    assert run("b.txt", "--encoding", "utf-17") == 2
    assert "encoding must be auto, bytes or an encoding that Python knows" in capsys.readouterr().err
    assert run("b.txt", "--encoding", "utf-16-be") == (1 if command == "new" else 0)


@pytest.mark.parametrize("name", ["auto", "utf8", "Latin-1", "shift_jis", "utf-16"])
def test_a_recipe_takes_any_of_pythons_encodings(name):
    assert read({"corpus": {"path": "a.txt", "encoding": name}}).corpus.encoding == name


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("utf-88", "utf-8"),
        ("windows-125", "windows-125"),
        ("rot13", ""),
        ("hex", ""),
        ("base64", ""),
        ("idna", ""),
        ("unicode_escape", ""),
        ("nonsense", ""),
        (8, ""),
        ("a\0", ""),
    ],
)
def test_what_is_no_encoding_of_texts_is_refused_with_the_nearest(name, near):
    suggestion = f", did you mean '{near}" if near else ""
    with pytest.raises(RecipeError) as caught:
        read({"corpus": {"path": "a.txt", "encoding": name}})
    assert "corpus.encoding: must be auto, bytes or an encoding that Python knows, as in utf-8" in str(caught.value)
    assert suggestion in str(caught.value)
    with pytest.raises(SettingsError, match="encoding must be auto, bytes or"):
        corpora.load(path=write(b"text"), encoding=name)


@pytest.mark.parametrize(
    ("data", "name", "message"),
    [
        (b"ok\nb\xffd", "utf-8", r"is not UTF-8: byte 4 \(0xff\) in line 2"),
        ("a\r\nö\r".encode("utf-16-le") + b"\0\xdc", "utf-16-le", r"is not UTF-16-LE: byte 10 \(0x00\) in line 3"),
        ("雪\n雪".encode("gbk") + b"\xff", "gbk", r"is not GBK: byte 5 \(0xff\) in line 2"),
        (b"ab\r\rc\x81", "cp1252", r"is not CP1252: byte 5 \(0x81\) in line 3"),
        (b"\n\xe9", "ascii", r"is not ASCII: byte 1 \(0xe9\) in line 2"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_what_the_named_encoding_does_not_allow_is_an_error_with_its_line_or_replaced(data, name, message, size):
    with pytest.raises(CorpusError, match=f"a.txt {message}"):
        list(corpora.read_pieces(io.BytesIO(data), "a.txt", size, encoding=name))
    text = "".join(corpora.read_pieces(io.BytesIO(data), "a.txt", size, "replace", name))
    assert "\ufffd" in text and "\r" not in text


@pytest.mark.parametrize("name", ["utf-16", "utf-32"])
def test_an_encoding_of_two_orders_of_bytes_needs_the_mark_that_tells_which(name):
    with pytest.raises(CorpusError, match=rf"no byte-order mark, .* order of the bytes of {name.upper()}.*{name}-be"):
        corpora.load(path=write(TEXT.encode(f"{name}-be")), encoding=name)


@pytest.mark.parametrize(
    ("text", "notes"),
    [
        ("a\nb\n", []),
        ("a\rb\r", ["line ends that are CR are read as \\n"]),
        ("a\r\nb\nc\r", ["line ends that are CR or CR LF are read as \\n"]),
        ("a\t\f\n", []),
        ("a" * 1000 + "\1", []),
        ("a" * 1000 + "\1\0\1", ["3 of 1,003 characters are control characters, U+0001 2 times; look whether this"]),
        ("a\ufeffb\ufeff", ["2 of the characters are U+FEFF, a byte-order mark, as where files were put together"]),
        ("caf\ufffd", ["1 of the characters are U+FFFD, the sign for what could not be decoded, here or before"]),
        ("thé\x92" * 9, ["9 of 36 characters are control characters, U+0092 9 times"]),
    ],
)
def test_a_text_that_is_not_quite_one_is_remarked_on(text, notes):
    found = corpora.load(path=write(text.encode()))
    assert found.text == text.replace("\r\n", "\n").replace("\r", "\n")
    assert len(found.notes) == len(notes) and all(map(str.startswith, found.notes, notes))
    assert json.loads(json.dumps(found.describe()))["notes"] == list(found.notes)


def test_the_checksum_and_the_limit_are_of_the_bytes_of_the_text_itself():
    data = codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le")
    plain = corpora.load(path=write(data), max_bytes=2003)
    packed = corpora.load(path=write(gzipped(data), "a.txt.gz"), max_bytes=2003)
    assert plain.sha256 == packed.sha256 and plain.text == packed.text == TEXT[:1000]
    assert packed.name == "a" and packed.source == "a.txt.gz"


def test_texts_of_the_same_bytes_and_symbols_in_two_encodings_have_ids_of_their_own(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_CHARRNN_CACHE", str(tmp_path / "cache"))
    letters = bytes(range(0xC0, 0x100))  # the same 64 letters in both, in two orders
    texts = [corpora.load(path=write(letters * 2), encoding=name) for name in ("koi8-r", "cp1251")]
    vocabulary = Vocabulary.from_text(texts[0])
    ids = [encoding.encode(text, vocabulary, longest=1) for text in texts]
    assert vocabulary == Vocabulary.from_text(texts[1]) and texts[0].sha256 == texts[1].sha256
    assert [vocabulary.decode(each[:]) for each in map(list, ids)] == [text.text for text in texts]


def test_a_packed_text_is_read_in_constant_memory():
    with gzip.open("a.gz", "wb") as file:
        for _ in range(40):
            file.write(TEXT.encode() * 250)
    tracemalloc.start()
    with corpora.opening.open_text("a.gz") as file:
        size = sum(map(len, corpora.read_pieces(file, "a.gz")))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == 10_000 * len(TEXT) and peak < 4_000_000 < size


CODECS = [name for name in NAMES if not name.startswith(("cp", "cs", "ibm", "iso-ir", "mac"))]
line_ends = st.sampled_from(["\n", "\r", "\r\n", ""])


@given(
    st.sampled_from(["auto", "utf-16 auto", "utf-32 auto", *CODECS]),
    st.lists(st.tuples(st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"])), line_ends)),
    st.integers(1, 9),
)
def test_a_text_cut_into_pieces_anywhere_in_any_encoding_with_any_line_ends_is_the_text(name, lines, size):
    codec, _, given_name = name.partition(" ")
    codec, given_name = ("utf-8-sig", "auto") if codec == "auto" else (codec, given_name or codec)
    text = "".join(line + end for line, end in lines)
    data = text.encode(codec, "ignore")
    whole = data.decode(codec).replace("\r\n", "\n").replace("\r", "\n")
    if given_name not in ("auto", "utf-16", "utf-32"):
        whole = whole.removeprefix("\ufeff")
    found, packed = set(), gzipped(data)
    assert "".join(corpora.read_pieces(io.BytesIO(data), "a", size, encoding=given_name, line_ends=found)) == whole
    pathlib.Path("a.gz").write_bytes(packed)
    if whole:
        assert corpora.load(path="a.gz", encoding=given_name).text == whole
