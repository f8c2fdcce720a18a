"""All properties of a cell, checked one after the other."""

import dataclasses
from collections.abc import Callable

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import CheckError, SettingsError, describe
from keras_charrnn.testing import gradients, saving, steps
from keras_charrnn.testing.fault import Fault, Unchecked
from keras_charrnn.testing.subject import Subject


@dataclasses.dataclass(frozen=True)
class Property:
    """A property that every cell must have.

    Attributes:
        name: In a few words.
        check: Function of a `Subject` that raises a `Fault` where the cell lacks it. Its docstring says what holds.
        needs: Names of the properties without which this one cannot be judged.
        parallel_only: Whether it concerns only cells with a method `parallel`.
    """

    name: str
    check: Callable
    needs: tuple = ()
    parallel_only: bool = False


_RUNS = ("shapes", "only states kept", "repeatable", "eager equals compiled")

PROPERTIES = (
    Property("shapes", steps.shapes),
    Property("only states kept", steps.only_states, ("shapes",)),
    Property("repeatable", steps.repeatable, ("shapes", "only states kept")),
    Property("eager equals compiled", steps.compiled, ("shapes", "only states kept", "repeatable")),
    Property("states carried", steps.states_carried, _RUNS),
    Property("rows independent", steps.rows, _RUNS),
    Property("no look-ahead", steps.causal, _RUNS),
    Property("pieces equal the whole", steps.pieces, (*_RUNS, "no look-ahead")),
    Property("every weight used", gradients.every_weight, _RUNS),
    Property("gradients", gradients.finite_differences, _RUNS),
    Property("configuration", saving.configuration, ("shapes",)),
    Property("saving", saving.saving, (*_RUNS, "configuration")),
    Property("stacking", steps.stacking, _RUNS),
    Property("parallel equals stepped", steps.parallel, (*_RUNS, "pieces equal the whole"), parallel_only=True),
    Property("large inputs", gradients.large_inputs, _RUNS),
    Property("1,000 steps", gradients.many_steps, _RUNS),
)


@dataclasses.dataclass(frozen=True)
class Result:
    """What came of a check.

    Attributes:
        name: Of the property.
        status: "ok", "failed", or "not run", also where only a part of it could be run.
        fault: The `Fault`, where it failed.
        reason: Why it was not run.
    """

    name: str
    status: str
    fault: Fault | None = None
    reason: str = ""

    @property
    def message(self):
        """What is to be said of it, "" where all is well."""
        return str(self.fault or self.reason)


def examine(cell, units=4, cell_arguments=None, skip=()):
    """Check all properties of a cell, as `check_cell` does, and return a list of `Result`, one for each."""
    return _examine(Subject(cell, units, cell_arguments), skip)


def _examine(subject, skip):
    names = [each.name for each in PROPERTIES]
    for name in skip:
        if name not in names:
            raise SettingsError(f"skip: no property {name!r}{suggest(name, names)} (there are: {', '.join(names)})")
    results = {}
    for each in PROPERTIES:
        lacking = [name for name in each.needs if name not in skip and results[name].status != "ok"]
        if each.name in skip:
            result = Result(each.name, "not run", reason="skipped")
        elif each.parallel_only and not subject.parallel:
            result = Result(each.name, "not run", reason="the cell has no parallel form")
        elif lacking:
            result = Result(each.name, "not run", reason=f"needs {lacking[0]!r}")
        else:
            result = _check(each, subject)
        results[each.name] = result
    return list(results.values())


def _check(each, subject):
    try:
        each.check(subject)
    except Fault as fault:
        return Result(each.name, "failed", fault)
    except Unchecked as reason:
        return Result(each.name, "not run", reason=str(reason))
    except Exception as error:  # the cell is the user's, and may raise anything
        fault = Fault("no error", describe(error), "an error in the cell's own code")
        return Result(each.name, "failed", fault)
    return Result(each.name, "ok")


def check_cell(cell, units=4, cell_arguments=None, skip=()):
    """Check that a cell has all properties that the package relies on; for your own test suite:

        def test_my_cell():
            keras_charrnn.testing.check_cell(MyCell)

    `PROPERTIES` lists the checks. They take some seconds, most of them for the fresh process in which the saved cell is
    read, and concern inference: noise in training is left alone. `keras-charrnn cells --check NAME` runs the same.

    Args:
        cell: A class of cells, a registered name, or any function of the units that makes a cell, such as
            `functools.partial` of a class and further arguments.
        units: H, the width of the cell.
        cell_arguments: Mapping of further arguments of the constructor.
        skip: Names of properties that are not to be checked, as "gradients" for a cell that passes gradients straight
            through a step function.

    Raises:
        CheckError: If it lacks any; one message lists all, each with what was expected, what came and a likely cause.
            It is an AssertionError too.
        CellError: If `cell` is none of these, or what it makes is no cell.
        RegistryError: If no cell has that name.
        SettingsError: If `skip` names no property.
    """
    subject = Subject(cell, units, cell_arguments)
    failures = [f"{each.name}: {each.fault}" for each in _examine(subject, skip) if each.status == "failed"]
    if failures:
        raise CheckError(subject.label, failures)
