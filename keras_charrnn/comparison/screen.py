"""What a user sees of a comparison while it goes on."""

import rich.console
import rich.live
import rich.text

from keras_charrnn.comparison.writing import to_rich


class Screen:
    """Shows the table as it grows, with where the training is; where the output is no terminal, a line for each trial.

    Args:
        console: A `rich.console.Console`.
        comparison: A `Comparison`.
    """

    def __init__(self, console, comparison):
        self._console, self._comparison, self._live = console, comparison, None

    def __enter__(self):
        if self._console.is_terminal:
            self._live = rich.live.Live(console=self._console, transient=True, auto_refresh=False)
            self._live.start()
        return self

    def __exit__(self, *_):
        if self._live is not None:
            self._live.stop()
        self._console.print(to_rich(self._comparison))

    def tell(self, result, seed, state):
        """Say how far the training of a cell is."""
        if self._live is not None:
            line = rich.text.Text(f"training {result.cell}, seed {seed}: {state}", "dim")
            self._live.update(rich.console.Group(to_rich(self._comparison), line), refresh=True)

    def ended(self, result):
        """Say what the last trial of a cell came to, or why it has none."""
        if self._live is not None:
            self._live.update(to_rich(self._comparison), refresh=True)
            return
        words = [result.cell]
        trial = result.trials[-1] if result.trials else None
        if trial is not None:
            words.append(f"{result.units} units, {result.parameters:,} parameters, seed {trial.seed}")
        if error := result.error or trial.error:
            words.append(f"failed: {error}")
        else:
            words.append(f"validation {trial.nats_per_character:.4f} nats, epoch {trial.epoch}")
        self._console.print("  ".join(words), markup=False, highlight=False, soft_wrap=True)
