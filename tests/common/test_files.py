import pytest

from keras_charrnn.common import files
from keras_charrnn.errors import WriteError


def test_a_write_replaces_whole_or_leaves_what_was_there(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "one")
    files.write_text(path, "twö")
    assert path.read_text(encoding="utf-8") == "twö"
    with pytest.raises(UnicodeEncodeError):
        files.write_text(path, "three\ud800")
    assert path.read_text(encoding="utf-8") == "twö"
    with pytest.raises(WriteError, match=r"none/a\.txt cannot be written: No such file or directory"):
        files.write_text(tmp_path / "none" / "a.txt", "x")
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_are_written_piece_after_piece(tmp_path):
    files.write_bytes(tmp_path / "a", b"one", memoryview(b"two"))
    assert (tmp_path / "a").read_bytes() == b"onetwo"
