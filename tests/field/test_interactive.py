"""Cells that no other process can import, as those of a notebook, are checked as far as they can be."""

import doctest
import sys
import types

import pytest

from keras_charrnn import RecurrentCell
from keras_charrnn.plugins import plugin_of
from keras_charrnn.testing import PROPERTIES, check_cell, examine

SOURCE = """
import keras
from keras import ops
import keras_charrnn

class Scaled(keras_charrnn.RecurrentCell):
    def __init__(self, units, scale=2.0, **kwargs):
        super().__init__(units, **kwargs)
        self.scale = scale

    def build(self, input_shape):
        self.kernel = self.add_weight(shape=(input_shape[-1], self.units), name="kernel")

    def call(self, inputs, states):
        h = ops.tanh(states[0] + self.scale * ops.matmul(inputs, self.kernel))
        return h, [h]

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}

class Forgets(Scaled):
    def get_config(self):
        return {**super().get_config(), "scale": 1.0}

@keras_charrnn.register_cell("of_a_notebook")
class Registered(Scaled):
    pass

def make():
    class Local(Scaled):
        pass
    return Local

class Outer:
    class Inner(Scaled):
        pass

Local, Inner = make(), Outer.Inner
"""
BUT_SAVING = [each.name for each in PROPERTIES if each.name != "saving"]
MAINS = {
    "a notebook": ("__main__", {}),
    "python -": ("__main__", {"__file__": "<stdin>"}),
    "exec": ("keras_charrnn_no_module", {}),
    "exec without a name": ("builtins", {}),
    "a module that has no such class": ("json", {}),
}


def define(monkeypatch, kind):
    """Return the classes of SOURCE, defined as in a session of that kind."""
    name, attributes = MAINS[kind]
    module = types.ModuleType(name)
    vars(module).update(attributes)
    if name == "__main__":
        monkeypatch.setitem(sys.modules, name, module)
    exec(compile(SOURCE, "<ipython-input-1>", "exec"), vars(module))
    return module


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("a notebook", "Scaled"),
        ("a notebook", "Registered"),
        ("python -", "Local"),
        ("exec", "Registered"),
        ("exec without a name", "Inner"),
        ("a module that has no such class", "Scaled"),
    ],
)
def test_what_can_be_checked_of_it_is_and_the_rest_is_told(monkeypatch, kind, name):
    cls = getattr(define(monkeypatch, kind), name)
    saving = next(each for each in examine(cls, skip=BUT_SAVING) if each.name == "saving")
    assert saving.status == "not run"
    assert saving.message == (
        f"saved and read in this process alone, which went well: another one could not import {cls.__qualname__}; "
        "define it at the top of a file to have that checked too"
    )


@pytest.mark.parametrize("kind", ["a notebook", "exec"])
def test_what_is_wrong_with_it_is_found(monkeypatch, kind):
    saving = next(each for each in examine(define(monkeypatch, kind).Forgets, skip=BUT_SAVING) if each.fault)
    assert saving.name == "saving" and "received a difference of" in saving.message


def test_a_class_of_a_doctest_and_one_of_a_function_are_such():
    class Local(RecurrentCell):
        def call(self, inputs, states):
            return inputs[:, : self.units] + states[0], states

    text = ">>> class Mine(Local):\n...     pass\n>>> check_cell(Mine, skip=BUT_SAVING)\n"
    test = doctest.DocTestParser().get_doctest(text, {**globals(), "Local": Local}, "example", None, None)
    assert doctest.DocTestRunner().run(test).failed == 0
    check_cell(Local, skip=BUT_SAVING)


@pytest.mark.parametrize(
    ("file", "plugin"),
    [
        (None, "an interactive session"),
        ("<stdin>", "an interactive session"),
        ("my_cells.py", "my_cells.py"),
        (__file__, __file__),
    ],
)
def test_where_a_cell_of_the_program_comes_from(monkeypatch, file, plugin):
    main = types.ModuleType("__main__")
    main.__file__ = file
    monkeypatch.setitem(sys.modules, "__main__", main)
    assert plugin_of(type("Mine", (RecurrentCell,), {"__module__": "__main__"})) == plugin
