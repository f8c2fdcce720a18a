"""What a layer has whose states go on from window to window.

Shapes in letters: B batch.
"""

from keras_charrnn.errors import SettingsError
from keras_charrnn.layers.unseen import UnseenStates


class CarriesStates:
    """The variables of a layer's states in training; a part of a layer that has `initial_state(batch_size)`."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self._states = UnseenStates()

    @property
    def states(self):
        """The variables (B, width) of a stateful layer, flat; [] before the first call or `make_states`."""
        return self._states.variables

    def make_states(self, batch_size):
        """Make the variables of a stateful layer for a batch of B rows, at the initial states."""
        if not batch_size:
            raise SettingsError(f"{self.name}: a stateful layer must know its batch size; give the model a fixed one")
        self._states.make(self.initial_state(batch_size))

    def reset_state(self):
        """Return to the initial states."""
        if self.states:
            self._states.assign(self.initial_state(self.states[0].shape[0]))

    def assign_states(self, states):
        """Let the states go on from a list of tensors."""
        self._states.assign(states)
