"""What a layer or a model keeps where Keras does not look for something to save."""


class Unseen:
    """A mapping, `made`, that is to Keras no part of what has it.

    Args:
        made: A mapping with what is in it at first.
    """

    def __init__(self, made=()):
        self.made = dict(made)
