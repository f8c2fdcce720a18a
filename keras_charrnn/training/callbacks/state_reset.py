"""When the training states return to the initial ones."""

import keras

from keras_charrnn.errors import SettingsError

WHEN = ("epoch", "never", "window")


class StateReset(keras.callbacks.Callback):
    """Resets the states of a `CharRNN` in training.

    Validation and samples have states of their own, so that nothing but this callback interrupts those of training.

    Within a window they return to them only in a model with `fresh_lines` or `fresh_documents`, which a recipe's
    `states.reset` makes, with line or document.

    Args:
        when: "epoch": at the beginning of each epoch, where row 0 goes back to the beginning of the text; "never":
            they go on; "window": each window begins with the initial states.

    Raises:
        SettingsError: If `when` is none of these.
    """

    def __init__(self, when="epoch"):
        super().__init__()
        if when not in WHEN:
            raise SettingsError(f"when must be one of {', '.join(WHEN)}; received {when!r}")
        self.when = when

    def prepare(self, model):
        model.carry_states = self.when != "window"

    def on_epoch_begin(self, epoch, logs=None):
        if self.when == "epoch":
            self.model.reset_states()

    def on_train_end(self, logs=None):
        self.model.carry_states = True
