"""What a user sees of a table while its rows are trained."""

import rich.console
import rich.live

from keras_charrnn.common.screen import cell, say


class GrowingTable:
    """Shows a table as it grows, with where the training is; where the output is no terminal, a line for each row.

    Args:
        console: A `rich.console.Console`.
        draw: Returns the table as it is now, for Rich.
    """

    def __init__(self, console, draw):
        self._console, self._draw, self._live = console, draw, None

    def __enter__(self):
        if self._console.is_terminal:
            self._live = rich.live.Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live is not None:
            self._live.stop()
        self._console.print(self._draw())

    def tell(self, state):
        """Say how far a training is."""
        if self._live is not None:
            self._live.update(rich.console.Group(self._draw(), cell(state, "dim")), refresh=True)

    def ended(self, line):
        """Say in a line what a training came to."""
        if self._live is not None:
            self._live.update(self._draw(), refresh=True)
            return
        say(self._console, line)
