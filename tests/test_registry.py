import pytest

import keras_charrnn
from keras_charrnn import registry
from keras_charrnn.errors import PluginError, RegistryError
from keras_charrnn.registry import Registry, load_plugin


def cell_code(name, base="keras_charrnn.GatedCell", method="combine"):
    return f"""import keras
import keras_charrnn


@keras_charrnn.register_cell({name!r})
class Mine({base}):
    gates = ("a",)

    def {method}(self, zx, zr, states):
        return {{"h": zx + zr}}
"""


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
    with pytest.raises(RegistryError, match=r"unknown cell 'lsmt', did you mean 'lstm'\? \(registered: gru, .*lstm, "):
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
        ("\nimport sys\nsys.exit('no')\n", r"plug\.py, line 3: SystemExit: no"),
        ("import no_such_module_\n", r"plug\.py, line 1: No module named 'no_such_module_'; install it"),
        ("import helper\n", r"helper\.py, line 2: KeyError: 'a'"),
        ("import broken\n", r"broken\.py, line 1: SyntaxError: invalid syntax"),
        ("import json\n\njson.loads('{')\n", r"plug\.py, line 3: JSONDecodeError: "),
        (cell_code("gru"), r"plug\.py, line 5: the cell name 'gru' is taken: keras_charrnn\.cells\.gru\.GRU has it"),
        (cell_code("my-cell"), r"plug\.py, line 5: 'my-cell' cannot name a cell: use lower-case"),
        (cell_code("mine", base="object"), r"plug\.py, line 5: .*Mine'> cannot be the cell 'mine': a cell is a class"),
        (cell_code("mine", base="keras.layers.Dense"), r"line 5: .* call takes inputs and states, as in call\("),
        (
            cell_code("mine", base="keras.layers.LSTM"),
            r"line 5: .* it runs over time; register the cell that makes one",
        ),
        (cell_code("mine", method="combined"), r"plug\.py, line 5: .* it lacks the method combine, in which"),
        (cell_code("mine", base="keras_charrnn.RecurrentCell"), r"plug\.py, line 5: .* it lacks the method call"),
        (cell_code("mine", base="keras_charrnn.LinearCell"), r"plug\.py, line 5: .* it lacks the method coefficients"),
    ],
)
def test_a_broken_plugin_is_an_error_with_its_own_file_and_line(tmp_path, monkeypatch, code, message):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "helper.py").write_text("\n{}['a']\n")
    (tmp_path / "broken.py").write_text("= 1\n")
    (tmp_path / "plug.py").write_text(code)
    with pytest.raises(PluginError, match=rf"^plugin 'plug\.py': .*{message}"):
        load_plugin("plug.py", tmp_path)
    assert registry.cells.get("gru") is keras_charrnn.cells.GRU and "mine" not in registry.cells


def test_an_error_in_a_module_of_a_package_has_its_file_and_line(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "pack_of_a_test").mkdir()
    (tmp_path / "pack_of_a_test" / "__init__.py").write_text("")
    (tmp_path / "pack_of_a_test" / "cells.py").write_text("from pack_of_a_test import inner\n")
    (tmp_path / "pack_of_a_test" / "inner.py").write_text("\n\nimport json\njson.loads('{')\n")
    with pytest.raises(PluginError, match=r"plugin 'pack_of_a_test\.cells': .*inner\.py, line 4: JSONDecodeError: "):
        load_plugin("pack_of_a_test.cells")
    (tmp_path / "pack_of_a_test" / "inner.py").write_text("import no_such_module_\n")
    with pytest.raises(PluginError, match=r"inner\.py, line 1: No module named 'no_such_module_'; install it"):
        load_plugin("pack_of_a_test.cells")


def announce(folder, name, module, package="charrnn-test"):
    """Make a folder look as if a package had been installed in it that announces a cell."""
    info = folder / f"{package.replace('-', '_')}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[keras_charrnn.cells]\n{name} = {module}\n")


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("\n1 / 0\n", r"announced_{0}\.py, line 2: ZeroDivisionError: division by zero"),
        ("def f(:\n", r"announced_{0}\.py, line 1: SyntaxError"),
        ("import no_such_module_\n", r"announced_{0}\.py, line 1: No module named 'no_such_module_'; install it"),
        ("raise SystemExit(3)\n", r"announced_{0}\.py, line 1: SystemExit: 3"),
        (cell_code("lstm"), r"announced_{0}\.py, line 5: the cell name 'lstm' is taken"),
        ("x = 1\n", r"registers no cell 'announced'; it must import a module with @keras_charrnn\.register_cell"),
    ],
)
def test_a_broken_installed_plugin_is_told_and_the_others_are_unharmed(tmp_path, monkeypatch, request, code, message):
    number = request.node.callspec.indices["code"]  # a module of its own: those that import well stay imported
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / f"announced_{number}.py").write_text(code)
    announce(tmp_path, "announced", f"announced_{number}")
    plugin = rf"installed plugin 'announced' \(package charrnn-test 1\.0, announced_{number}\)"
    told = rf"^{plugin}.*{message.format(number)}"
    for _ in range(2):
        with pytest.raises(PluginError, match=told):
            registry.cells.get("announced")
    assert "announced" in registry.cells.names() and registry.cells.get("lstm") is keras_charrnn.cells.LSTM


def test_a_module_that_an_installed_plugin_lacks_is_named(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    announce(tmp_path, "announced", "no_such_module_.cells")
    with pytest.raises(PluginError, match=r"charrnn-test 1\.0, .*No module named 'no_such_module_'; install it"):
        registry.cells.get("announced")
    assert registry.cells.package_of("announced") == "charrnn-test" and registry.cells.package_of("gru") is None


def test_a_name_that_two_packages_announce_or_that_is_taken_is_told(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    announce(tmp_path, "announced", "one", "charrnn-one")
    announce(tmp_path, "announced", "two", "charrnn-two")
    with pytest.raises(PluginError, match=r"announced twice, by .*charrnn-\w+ 1\.0.* and .*charrnn-\w+"):
        registry.cells.get("announced")
    announce(tmp_path, "gru", "three", "charrnn-three")
    assert registry.cells.get("gru") is keras_charrnn.cells.GRU
    ((name, message),) = registry.cells.shadowed()
    assert name == "gru" and "charrnn-three 1.0" in message and "the name is taken: keras_charrnn.cells.gru" in message


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
