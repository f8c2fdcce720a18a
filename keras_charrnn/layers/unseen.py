"""What a layer or a model keeps where Keras does not look for something to save."""

import keras


class Unseen:
    """A mapping, `made`, that is to Keras no part of what has it.

    Args:
        made: A mapping with what is in it at first.
    """

    def __init__(self, made=()):
        self.made = dict(made)


class UnseenStates:
    """Variables that Keras shall not count among the weights."""

    def __init__(self):
        self.variables = []

    def make(self, values):
        """Have a variable for each of some tensors, with its value."""
        if [variable.shape for variable in self.variables] == [tuple(value.shape) for value in values]:
            self.assign(values)
        else:
            self.variables = [keras.Variable(value, trainable=False, name="state") for value in values]

    def assign(self, values):
        """Let the variables have other values."""
        for variable, value in zip(self.variables, values, strict=True):
            variable.assign(value)
