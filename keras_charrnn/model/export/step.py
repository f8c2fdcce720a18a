"""The single step of a model as a Keras model of its own: what the exported programs hold.

Shapes in letters: B batch, V symbols.
"""

import functools

import keras


class StepModel(keras.Model):
    """Maps {"ids": (B,), state: (B, width), …} to {"logits": (B, V), "next_" + state: (B, width), …}: one character.

    The states are named layer_0_h, layer_0_c, layer_1_h, …, after the cell's own names where it has some, and that of
    n-grams, before them, previous. The new ones have names of their own, since an ONNX graph has one name for one
    tensor.

    Args:
        model: A `CharRNN`.
    """

    def __init__(self, model):
        super().__init__(name="step")
        self.char_rnn, states = model, model.initial_states(1)
        self._pack = functools.partial(keras.tree.pack_sequence_as, states)  # as a list Keras would track them
        self.initial = dict(zip(_state_names(model, states), keras.tree.flatten(states), strict=True))
        self.built = True

    @property
    def signature(self):
        """The inputs as a mapping from names to `keras.InputSpec`."""
        ids = {"ids": keras.InputSpec(shape=(None,), dtype="int32", name="ids")}
        return ids | {
            name: keras.InputSpec(shape=(None, *state.shape[1:]), dtype="float32", name=name)
            for name, state in self.initial.items()
        }

    def call(self, inputs):
        states = self._pack([inputs[name] for name in self.initial])
        logits, states = self.char_rnn.step(inputs["ids"], states)
        names = [f"next_{name}" for name in self.initial]
        return {"logits": logits, **dict(zip(names, keras.tree.flatten(states), strict=True))}


def _state_names(model, structure):
    """Return a name for each state of each layer, in the order in which `step` takes them."""
    names = [] if model.ngrams is None else ["previous"]
    for index, (layer, states) in enumerate(zip(model.recurrent, structure[len(names) :], strict=True)):
        own = getattr(layer.cell, "states", ())
        own = own if len(own) == len(states) else [f"state_{place}" for place in range(len(states))]
        names += [f"layer_{index}_{name}" for name in own]
    return names
