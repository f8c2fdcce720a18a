"""Tensors in the place of a cell's weights while its equations are run, and what these may not do. TensorFlow only.

Steps pass on their states and nothing else. What the equations keep elsewhere is lost: a `Dropout` layer would drop the
same at every step, moving averages never move. And the gradient runs a step again, which must then do the same.
"""

import re

import keras

from keras_charrnn.errors import CellError, EffectError
from keras_charrnn.plugins import where_defined

# Operations with an effect: on a variable, or on a generator, which then gives other noise to the gradient.
_EFFECTS = re.compile("Assign|Scatter|Rng|^Random|^TruncatedNormal|^Multinomial")


class StandIn(keras.StatelessScope):
    """Within it a tensor stands for one weight, and all else that is updated keeps its new values.

    Args:
        weight: A variable.
        tensor: What stands for it.
    """

    def __init__(self, weight, tensor):
        super().__init__(state_mapping=[(weight, tensor)])

    def add_update(self, update):
        variable, value = update
        self.__exit__(None, None, None)  # for a moment
        variable.assign(value)
        self.__enter__()


class StandIns(keras.StatelessScope):
    """Within it tensors stand for a cell's weights: a compiled function may not read variables of another device.

    Args:
        equations: The cell's method that is run.
        weights: Of the cell.
        tensors: One for each of them.

    Raises:
        CellError: If there are more weights, which the equations have made.
        EffectError: At the end, if a variable was updated.
    """

    def __init__(self, equations, weights, tensors):
        if len(weights) > len(tensors):
            raise CellError(
                f"{_name(equations)} makes weights; make them in `build`, where they are found, as in "
                "`self.dense.build((None, self.units))`"
            )
        super().__init__(state_mapping=list(zip(weights, tensors, strict=True)))
        self._equations, self._updated = equations, []

    def add_update(self, update):
        self._updated.append(update[0])
        super().add_update(update)

    def __exit__(self, kind, *how):
        super().__exit__(kind, *how)
        if kind is None and self._updated:
            _refuse(self._equations, f"updates the variable {self._updated[0].path}")


def require_no_effects(equations, graph):
    """Raise an error if the graph of a cell's equations reads or changes what does not come with its arguments.

    Raises:
        EffectError: If it changes a variable or a generator.
        CellError: If it reads a variable that is to be trained.
    """
    for operation in graph.get_operations():
        if operation.op_def.is_stateful and _EFFECTS.search(operation.type):
            outer = {id(inner): outer for outer, inner in graph.captures}.get(id(operation.inputs[0]))
            name = next((variable.name for variable in graph.variables if variable.handle is outer), None)
            _refuse(equations, f"updates the variable {name}" if name else f"draws noise by {operation.type}")
    for variable in graph.trainable_variables:
        raise CellError(
            f"{_name(equations)} reads the variable {variable.name}, which the loop cannot train so; make weights by "
            "`self.add_weight` in `build`, and take zx and zr in place of the kernels"
        )


def _refuse(equations, what):
    raise EffectError(
        f"{_name(equations)} {what}, and steps keep nothing but their states. Take noise from the argument `seed` or "
        "from `draw_noise`, remember in a state, and take no layer with a state of its own, as Dropout and "
        "BatchNormalization have"
    )


def _name(equations):
    return f"{type(equations.__self__).__name__}.{equations.__name__} ({where_defined(equations)})"
