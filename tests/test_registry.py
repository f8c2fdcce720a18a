import pytest

import keras_charrnn
from keras_charrnn import registry
from keras_charrnn.errors import RegistryError
from keras_charrnn.registry import Registry, load_plugin


def test_names_are_sorted_and_found():
    names = Registry("cell")
    names.register("b", int)
    names.register("a", str)
    assert names.names() == ["a", "b"]
    assert names.get("a") is str and names.name_of(int) == "b" and "c" not in names


def test_a_taken_name_names_both_classes_and_the_same_class_again_is_fine():
    names = Registry("cell")
    names.register("a", int)
    names.register("a", int)
    with pytest.raises(RegistryError, match=r"'a' is taken: builtins\.int has it, builtins\.str asks for it"):
        names.register("a", str)


@pytest.mark.parametrize("name", ["", "My", "a b", "1a", None, "a-b"])
def test_a_name_must_be_a_lower_case_identifier(name):
    with pytest.raises(RegistryError, match="cannot name a cell: use lower-case"):
        Registry("cell").register(name, int)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(RegistryError, match=r"unknown cell 'lsmt', did you mean 'lstm'\? \(registered: gru, lstm"):
        registry.cells.get("lsmt")


def test_what_is_no_cell_is_refused():
    with pytest.raises(RegistryError, match="cannot be the cell 'thing'"):
        keras_charrnn.register_cell("thing")(dict)
    assert "thing" not in registry.cells


def test_a_plugin_file_is_imported_once_from_its_folder(tmp_path):
    (tmp_path / "plug.py").write_text("with open('log', 'a') as file:\n    file.write('x')\n")
    load_plugin("plug.py", tmp_path)
    load_plugin(str(tmp_path / "plug.py"))
    assert (tmp_path / "log").read_text() == "x"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("x = 1\ny = = 2\n", r"plug\.py, line 2: SyntaxError"),
        ("\n\n1 / 0\n", r"plug\.py, line 3: ZeroDivisionError: division by zero"),
        ("import no_such_module_\n", "No module named 'no_such_module_'; install it"),
        (
            "import keras_charrnn\n@keras_charrnn.register_cell('gru')\nclass Mine(keras_charrnn.GatedCell): pass\n",
            "the cell name 'gru' is taken",
        ),
    ],
)
def test_a_broken_plugin_is_an_error_with_its_file_and_line(tmp_path, code, message):
    (tmp_path / "plug.py").write_text(code)
    with pytest.raises(RegistryError, match=message):
        load_plugin("plug.py", tmp_path)


def test_a_missing_plugin_says_where_it_was_sought(tmp_path):
    with pytest.raises(RegistryError, match=r"plugin 'none\.py': there is no file .*none\.py; paths start from"):
        load_plugin("none.py", tmp_path)
    with pytest.raises(RegistryError, match="plugin 'no_such_module_': No module named"):
        load_plugin("no_such_module_")


def test_a_plugin_module_is_found_by_name(tmp_path, monkeypatch):
    (tmp_path / "plugin_module_of_a_test.py").write_text("value = 3\n")
    monkeypatch.syspath_prepend(tmp_path)
    load_plugin("plugin_module_of_a_test")
    import plugin_module_of_a_test

    assert plugin_module_of_a_test.value == 3
    plugin_module_of_a_test.Cell = type("Cell", (), {"__module__": "plugin_module_of_a_test"})
    assert registry.plugin_of(plugin_module_of_a_test.Cell) == "plugin_module_of_a_test"
    assert registry.plugin_of(registry.cells.get("gru")) is None
