"""Plugins as people keep them: files that have moved, with others beside them, whose cells are somebody else's."""

import pathlib
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import yaml

import keras_charrnn
from keras_charrnn import registry
from keras_charrnn.cli import main
from keras_charrnn.errors import PluginError, RecipeError, RegistryError
from keras_charrnn.runs import Run, RunFolder
from tests.conftest import TEXT

CELL = """
import keras_charrnn
@keras_charrnn.register_cell("mine")
class Mine(keras_charrnn.GatedCell):
    gates = ("a",)
    def combine(self, zx, zr, states):
        return {"h": zx + zr}
"""
FOREIGN = "import keras, keras_charrnn\nkeras_charrnn.register_cell({})(keras.layers.LSTMCell)\n"


def lay(files):
    """Write files, {path: text}."""
    for path, text in files.items():
        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def run(trained):
    """Return the folder of a run whose model has a cell of the plugin old/leaky.py, which has moved to new/leaky.py."""
    folder = pathlib.Path(shutil.copytree(trained.folder, "run"))
    lay({"old/leaky.py": CELL})
    registry.load_plugin("old/leaky.py")
    recipe = yaml.safe_load((folder / "recipe.yaml").read_text())
    recipe |= {
        "plugins": [str(pathlib.Path("old/leaky.py").resolve())],
        "model": {**recipe["model"], "cell": {"name": "mine"}},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    vocabulary = trained.model.vocabulary
    keras_charrnn.CharRNN(vocabulary, "mine", units=8, embedding=4).save(folder / "model.keras")
    checkpoints = RunFolder(folder).checkpoints
    finished = {**checkpoints.newest().facts, "recipe": recipe}
    checkpoints.save(10**6, finished, {})
    pathlib.Path("old").rename("new")
    forget()
    return folder


def forget():
    """Let this process be as one that has imported no plugin yet."""
    registry.cells._entries.pop("mine", None)
    files = {name: getattr(module, "__file__", None) or "" for name, module in sys.modules.items()}
    for name in [name for name, file in files.items() if file.startswith(str(pathlib.Path.cwd()))]:
        del sys.modules[name]


@pytest.mark.parametrize(
    "given",
    [
        "new/leaky.py",
        ["./new/leaky.py"],
        [pathlib.Path("new/leaky.py")],
        ["other.py"],  # of another name, which registers what the model needs
        ["package/"],
        ["leaky"],  # a module in the current folder
        ["parts.leaky"],
    ],
)
def test_a_plugin_that_has_moved_is_named_where_it_is_now(run, given):
    lay({"other.py": CELL, "package/__init__.py": "from . import cell\n", "package/cell.py": CELL})
    lay({"leaky.py": CELL, "parts/leaky.py": CELL})
    with pytest.raises(RecipeError, match=r"there is no file .*old/leaky\.py; .* name its new place with --plugin"):
        keras_charrnn.load(run)
    assert keras_charrnn.load(run, given).settings.cell == "mine"
    forget()
    with pytest.raises(RegistryError, match=r"old/leaky\.py, which is not there any more; name its new place with --p"):
        keras_charrnn.load(run / "model.keras")
    assert keras_charrnn.load(run / "model.keras", given).settings.cell == "mine"


READERS = {
    "export": ["export", "run", "--format", "weights"],
    "evaluate": ["evaluate", "run"],
    "resume": ["resume", "run"],
    "score": ["score", "run", "text.txt"],
    "sample": ["sample", "run", "--length", "3", "--memorization"],
    "inspect": ["inspect", "run", "--text", "text.txt", "--characters", "20"],
}


@pytest.mark.parametrize(
    "command",
    [each if each in ("export", "resume") else pytest.param(each, marks=pytest.mark.thorough) for each in READERS],
)
def test_every_command_that_reads_a_run_takes_the_new_place(run, command, capsys):
    lay({"text.txt": TEXT[:50]})
    assert main(READERS[command]) == 2
    assert "name its new place with --plugin" in capsys.readouterr().err
    assert main([*READERS[command], "--plugin", "new/leaky.py"]) == 0
    assert main(["report", "run"]) == 0


def test_a_run_remembers_the_new_place_of_its_plugin(run):
    opened = Run.open(run, ["new/leaky.py"])
    assert opened.model.settings.cell == "mine"
    score = opened.model.score(TEXT[-100:]).nats_per_character
    forget()
    assert keras_charrnn.evaluate(opened, TEXT[-100:]).nats_per_character == score  # the model that it has
    assert keras_charrnn.resume(opened).model.settings.cell == "mine"
    forget()
    assert keras_charrnn.evaluate(run, split="test", plugins="new/leaky.py").split == "test"


def test_a_given_plugin_comes_before_the_recipes_own_of_its_name_and_clashes_with_others(run):
    lay({"old/leaky.py": "1 / 0\n", "other.py": CELL})
    assert keras_charrnn.load(run, "new/leaky.py").settings.cell == "mine"
    forget()
    lay({"old/leaky.py": CELL})
    with pytest.raises(RecipeError, match=r"plugins\[0\]: .*old/leaky\.py.*'mine' is taken: .*_other_.* has it"):
        keras_charrnn.load(run, "other.py")


def test_a_missing_plugin_is_told_where_the_given_ones_do_not_register_the_cell(run):
    lay({"other.py": ""})
    with pytest.raises(RecipeError, match=r"(?s)2 problems.*there is no file .*old/leaky\.py.*unknown cell 'mine'"):
        keras_charrnn.load(run, "other.py")


@pytest.mark.parametrize(
    ("files", "plugin"),
    [
        ({"in/plug.py": FOREIGN.format("'mine'")}, "in/plug.py"),
        ({"in/plug.py": "import helpers\n", "in/helpers.py": FOREIGN.format("'mine'")}, "in/plug.py"),
        ({"in/plug.py": "import helpers\n", "in/helpers.py": CELL}, "in/plug.py"),
        ({"pack/__init__.py": "", "pack/plug.py": FOREIGN.format("'mine'")}, "pack.plug"),
        ({"plug.py": FOREIGN.format("'mine'")}, "plug.py"),
    ],
)
def test_a_model_names_the_plugin_that_registered_its_cell_whoever_wrote_the_class(files, plugin, make_model):
    lay(files)
    registry.load_plugin(plugin)
    wanted = str(pathlib.Path(plugin).resolve()) if plugin.endswith(".py") else plugin
    assert make_model(cell="mine").get_config()["plugin"] == wanted
    assert registry.cells.plugin_of(registry.cells.get("gru")) is None


def test_a_keras_cell_that_no_plugin_registered_is_not_sought_in_keras(make_model):
    keras_charrnn.register_cell("mine")(keras.layers.GRUCell)
    assert make_model(cell="mine").get_config()["plugin"] == "the program that made it"


NAMED = FOREIGN.format("NAME")


@pytest.mark.parametrize(
    ("files", "plugin"),
    [
        ({"in/plug.py": "from helpers import NAME\n" + NAMED, "in/helpers.py": "NAME = 'mine'"}, "in/plug.py"),
        (  # late, and one beside beside
            {
                "in/plug.py": "def name():\n    from helpers import NAME\n    return NAME\n" + FOREIGN.format("name()"),
                "in/helpers.py": "from names import NAME",
                "in/names.py": "NAME = 'mine'",
            },
            "in/plug.py",
        ),
        ({"in/plug.py": "from tools.names import NAME\n" + NAMED, "in/tools/names.py": "NAME = 'mine'"}, "in/plug.py"),
        ({"in/my plug.v2.py": "import helpers\n", "in/helpers.py": CELL}, "in/my plug.v2.py"),
        ({"in/plug.py": "import random\nrandom.random()\n" + CELL, "in/random.py": "1 / 0"}, "in/plug.py"),
        ({"in/pack/__init__.py": "from . import cell", "in/pack/cell.py": CELL}, "in/pack"),
        (
            {"in/pack/__init__.py": "from pack.names import NAME\n" + NAMED, "in/pack/names.py": "NAME = 'mine'"},
            "./in/pack/",
        ),
        ({"in/a.py": CELL, "in/b.py": "from a import Mine\n"}, "in/b.py"),
    ],
)
def test_a_plugin_imports_the_modules_beside_it_as_a_script_does(files, plugin):
    lay(files)
    registry.load_plugin(plugin)
    assert "mine" in registry.cells


def test_a_link_to_a_plugin_finds_what_lies_beside_the_file_itself():
    lay({"in/plug.py": "import helpers\n", "in/helpers.py": CELL})
    pathlib.Path("link.py").symlink_to("in/plug.py")
    registry.load_plugin("link.py")
    assert "mine" in registry.cells


def test_a_file_that_is_a_plugin_and_also_imported_beside_one_registers_one_cell():
    lay({"in/a.py": CELL, "in/b.py": "from a import Mine\n"})
    registry.load_plugin("in/a.py")
    registry.load_plugin("in/b.py")
    assert "mine" in registry.cells


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("import helpers\n", "import helpers\n"),
        ("def late():\n    import helpers\n", "from helpers import NAME\n"),
        ("import helpers\n", "import through\n"),
        ("import helpers\n", "from parts.inner import through\n"),
    ],
)
def test_two_plugins_never_get_the_modules_of_one_another(one, other):
    lay({"one/a.py": one, "one/helpers.py": "NAME = 1", "two/b.py": other, "two/helpers.py": "NAME = 2"})
    lay({"two/through.py": "import helpers", "two/parts/inner/__init__.py": ""})
    lay({"two/parts/inner/through.py": "from .last import x", "two/parts/inner/last.py": "import helpers"})
    registry.load_plugin("one/a.py")
    message = r"b\.py': .*module 'helpers', of which there are two, .*two/helpers\.py beside it and .*one/helpers\.py"
    with pytest.raises(PluginError, match=message):
        registry.load_plugin("two/b.py")
    lay({"two/c.py": CELL})  # which imports none of them
    registry.load_plugin("two/c.py")


def test_folders_beside_two_plugins_are_not_taken_for_one_another():
    lay({"one/a.py": "import parts.names\n", "one/parts/names.py": "", "one/keras/other.py": ""})
    lay({"two/b.py": "from parts import names\n", "two/parts/names.py": "", "one/c.py": "import keras\n" + CELL})
    registry.load_plugin("one/a.py")
    with pytest.raises(PluginError, match=r"'parts', of which there are two, .*two/parts beside it and .*one/parts"):
        registry.load_plugin("two/b.py")
    registry.load_plugin("one/c.py")  # a folder without modules of its own is no rival of a package


def test_what_a_plugin_prints_is_no_part_of_the_output(capsys):
    lay({"plug.py": "print('hello')\n" + CELL})
    registry.load_plugin("plug.py")
    assert capsys.readouterr() == ("", "hello\n")


@pytest.mark.parametrize("line", ["from . import helpers", "from .helpers import NAME"])
def test_a_relative_import_in_a_file_is_told_what_to_write(line):
    lay({"in/plug.py": line, "in/helpers.py": ""})
    with pytest.raises(
        PluginError, match=r"plug\.py, line 1: ImportError: attempted relative .*: leave out the dot, or"
    ):
        registry.load_plugin("in/plug.py")


@pytest.mark.parametrize("files", [{"in/cells_of_mine.py": CELL}, {"in/cells_of_mine/__init__.py": CELL}])
def test_a_recipe_names_a_module_beside_it_and_the_run_remembers_where_it_was(files, tiny):
    lay({**files, "in/tiny.yaml": yaml.safe_dump({**tiny, "model": {"cell": "mine"}, "plugins": ["cells_of_mine"]})})
    for _ in range(2):  # what is on Python's path by then changes nothing
        assert keras_charrnn.read_recipe("in/tiny.yaml").plugins == (str(pathlib.Path(next(iter(files))).resolve()),)
        forget()


def test_the_program_as_a_module_takes_no_module_from_the_current_folder():
    lay({"argparse.py": "1 / 0\n"})
    command = [sys.executable, "-m", "keras_charrnn", "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == (f"{keras_charrnn.__version__}\n", "")


def test_a_cell_of_keras_is_checked_in_a_process_that_imports_its_plugin(monkeypatch):
    from keras_charrnn.testing import saving

    lay({"in/plug.py": FOREIGN.format("'mine'")})
    registry.load_plugin("in/plug.py")
    assert saving._plugin(keras.layers.LSTMCell) == str(pathlib.Path("in/plug.py").resolve())
    assert np.shape(registry.cells.get("mine")(3).state_size) == (2,)
