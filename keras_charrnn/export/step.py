"""The single step of a model as a Keras model of its own: what the exported programs hold.

Shapes in letters: B batch, V symbols.
"""

import keras


class StepModel(keras.Model):
    """Maps {"ids": (B,), state: (B, width), …} to {"logits": (B, V), "next_" + state: (B, width), …}: one character.

    The states are named layer_0_h, layer_0_c, layer_1_h, …, after the cell's own names where it has some. The new ones
    have names of their own, since an ONNX graph has one name for one tensor.

    Args:
        model: A `CharRNN`.
    """

    def __init__(self, model):
        super().__init__(name="step")
        self.char_rnn = model
        self.initial = dict(zip(state_names(model), _flat(model.initial_states(1)), strict=True))
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
        states, flat = [], iter([inputs[name] for name in self.initial])
        for layer in self.char_rnn.recurrent:
            states.append([next(flat) for _ in layer.initial_state(1)])
        logits, states = self.char_rnn.step(inputs["ids"], states)
        names = [f"next_{name}" for name in self.initial]
        return {"logits": logits, **dict(zip(names, _flat(states), strict=True))}


def state_names(model):
    """Return a name for each state of each layer, in the order in which `step` takes them."""
    names = []
    for index, (layer, states) in enumerate(zip(model.recurrent, model.initial_states(1), strict=True)):
        own = getattr(layer.cell, "states", ())
        own = own if len(own) == len(states) else [f"state_{place}" for place in range(len(states))]
        names += [f"layer_{index}_{name}" for name in own]
    return names


def _flat(states):
    return [state for layer in states for state in layer]
