"""The files that a path or a glob means."""

import functools
import glob

from keras_charrnn.common.files import existing_part, user_path
from keras_charrnn.errors import CorpusError
from keras_charrnn.text.corpora.opening import near

# What the folders of runs and of studies have in them, by which they are told: all the names of one of these.
OURS = (
    ("recipe.yaml", "checkpoints"),
    ("recipe.yaml", "environment.json"),
    ("comparison.json", "comparison.csv"),
    ("tune.json", "tune.csv"),
)


def find(pattern):
    """Return the paths of the files that a path or a glob means, those of a glob in order of path.

    What is there under its very name is no pattern: a file a[1].txt, the folder [poems] of [poems]/*.txt. A glob leaves
    out the folders of runs and studies that it comes upon, for what is in them was made of the texts.

    Raises:
        CorpusError: If there is no such file, or it is empty, or a folder.
        SettingsError: If there can be no such path.
    """
    path = user_path(pattern)
    if path.is_dir():
        raise CorpusError(f"{path} is a folder; write {path}/*.txt for the texts in it")
    found = [path] if path.is_file() else _match(path)
    for each in found:
        if not each.stat().st_size:
            raise CorpusError(f"{each} is empty; give it some text, or leave it out")
    return found


def _match(path):
    fixed, pattern = existing_part(path)
    found = [fixed / each for each in sorted(glob.glob(pattern, root_dir=fixed, recursive=True))]
    found = [user_path(each) for each in found if each.is_file()]
    is_ours = functools.cache(_is_ours)
    taken = [each for each in found if not any(map(is_ours, _folders(each, fixed)))]
    if found and not taken:
        raise CorpusError(
            f"all that matches {path} are files of runs, such as {found[0]}; name other texts, or each file"
        )
    if not found:
        what = "no file matches" if glob.has_magic(pattern) else "there is no file"
        is_plain = str(path).isprintable() and path.name == path.name.strip()
        raise CorpusError(f"{what} {path if is_plain else repr(str(path))}{near(path)}")
    return taken


def _folders(path, top):
    """Yield the folders of a file that are below another one."""
    for each in path.parents:
        if each == top:
            return
        yield each


def _is_ours(folder):
    return any(all((folder / name).exists() for name in names) for names in OURS)
