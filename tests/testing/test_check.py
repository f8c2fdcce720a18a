"""Every registered cell has all properties of a cell, and what is no cell is refused."""

import functools
import pathlib
import subprocess
import sys

import keras
import pytest
from keras import ops

import keras_charrnn
from keras_charrnn import cells, registry
from keras_charrnn.errors import CellError, CheckError, RegistryError, SettingsError
from keras_charrnn.testing import PROPERTIES, Subject, check_cell, examine, gradients, round_trips
from tests.kinds import KINDS, of_each_kind

NAMES = [each.name for each in PROPERTIES]


@pytest.mark.parametrize("name", of_each_kind(kinds=("min_gru",)))
def test_a_registered_cell_has_every_property(name):
    check_cell(name, skip=["saving"])


@pytest.mark.parametrize("name", of_each_kind(("simple_rnn", "gru", "lstm", "peephole_lstm", "rhn"), KINDS[2:]))
def test_a_cell_of_each_other_kind_has_every_property_that_a_short_window_shows(name):
    """Half of the time goes to compiling 1,000 steps; `tests/cells/test_equations.py` takes as many of every cell."""
    check_cell(name, skip=["saving", "1,000 steps"])


@pytest.mark.parametrize(
    "names",
    [pytest.param(KINDS, id="kinds"), pytest.param(registry.cells.names(), marks=pytest.mark.thorough, id="all")],
)
def test_every_registered_cell_is_saved_and_read_elsewhere(names):
    faults = round_trips([Subject(name) for name in names])
    assert [str(fault) for fault in faults if fault] == []


@pytest.mark.parametrize(
    "cell",
    [
        keras.layers.LSTMCell,
        *(
            pytest.param(each, marks=pytest.mark.thorough)
            for each in (keras.layers.GRUCell, keras.layers.SimpleRNNCell)
        ),
    ],
)
def test_a_cell_of_keras_has_every_property(cell):
    check_cell(cell, skip=["saving"])


def test_a_cell_is_a_class_a_name_or_a_function_and_takes_arguments():
    for cell in (functools.partial(cells.GRU, activation="relu"), lambda units: cells.GRU(units, activation="relu")):
        subject = Subject(cell, units=6)
        assert subject.label == "gru" and subject.cell.units == 6
        assert subject.cell.activation is keras.activations.relu
    assert Subject("lstm", cell_arguments={"bias_initializer": "ones"}).arguments == {"bias_initializer": "ones"}


@pytest.mark.parametrize("units", [4, 16])
def test_gradients_of_a_cell_with_kinks_agree(units):
    subject = Subject("simple_rnn", units, {"activation": "relu"})
    subject.build()
    gradients.finite_differences(subject)


def test_the_same_is_found_each_time_and_the_random_state_stays():
    import random

    random.seed(3)
    before = random.getstate()
    first, second = (Subject("lstm") for _ in range(2))
    for subject in (first, second):
        subject.build()
    for one, other in zip(first.layer.get_weights(), second.layer.get_weights(), strict=True):
        assert (one == other).all()
    assert (first.inputs.numpy() == second.inputs.numpy()).all()
    assert random.getstate() == before


@pytest.mark.parametrize("cell", [3, None, cells.GRU(2)])
def test_what_is_no_class_of_cells_is_refused(cell):
    with pytest.raises(CellError, match="is a class, a registered name, or a function of the units that makes a cell"):
        check_cell(cell)


def test_what_cannot_be_checked_is_told():
    with pytest.raises(CellError, match="Recurrent takes a cell, which makes one step, such as"):
        check_cell(keras.layers.Dense)
    with pytest.raises(RegistryError, match="unknown cell 'grru', did you mean 'gru'"):
        check_cell("grru")
    with pytest.raises(SettingsError, match="skip: no property 'gradient', did you mean 'gradients'"):
        check_cell("gru", skip=["gradient"])


class Mine(cells.GRU):
    """A class that is not registered."""


@pytest.mark.thorough
def test_a_class_that_is_not_registered_cannot_be_read_elsewhere():
    (saving,) = (each for each in PROPERTIES if each.name == "saving")
    with pytest.raises(CheckError, match=r"Mine lacks 1 .*\n  - saving: .*Could not locate class 'Mine'.*@keras_cha"):
        check_cell(Mine, skip=[name for name in NAMES if name not in (*saving.needs, "saving")])


@pytest.mark.thorough
def test_a_script_that_checks_its_cell_when_imported_is_told_and_starts_no_chain_of_processes():
    pathlib.Path("script.py").write_text(
        "import keras_charrnn\nfrom keras_charrnn.testing import Subject, round_trips\n\n"
        "@keras_charrnn.register_cell('of_a_script')\nclass Mine(keras_charrnn.cells.GRU):\n    pass\n\n"
        "(fault,) = round_trips([Subject(Mine)])\nprint(fault)\n"
    )
    done = subprocess.run([sys.executable, "script.py"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "script.py, line 8: the file with the cell calls the check when it is imported; call it below" in done.stdout


def test_the_properties_say_what_holds():
    assert len({each.name for each in PROPERTIES}) == len(PROPERTIES) == 16
    assert all(each.check.__doc__.splitlines()[0].endswith((".", ",")) for each in PROPERTIES)
    assert [each.name for each in examine("gru", skip=["saving", "1,000 steps"])] == [each.name for each in PROPERTIES]
    assert keras_charrnn.testing.check_cell is check_cell


class OwnRecurrence(keras_charrnn.GatedCell):
    """A cell without a recurrent product, whose own `recurrent_kernel` does not lie gate by gate."""

    gates = ("a", "b", "candidate")
    recurrent_product = False

    def build(self, input_shape):
        super().build(input_shape)
        self.recurrent_kernel = self.add_weight(shape=(self.units,), initializer="ones", name="recurrent_kernel")

    def combine(self, zx, zr, states):
        a, b, g = ops.split(zx, 3, axis=-1)
        return {"h": ops.sigmoid(a) * ops.tanh(self.recurrent_kernel * states["h"]) + ops.sigmoid(b) * ops.tanh(g)}


def test_a_recurrent_weight_of_a_cells_own_is_no_kernel_of_gates():
    check_cell(OwnRecurrence, skip=("saving", "1,000 steps"))
