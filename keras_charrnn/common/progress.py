"""A bar for what takes longer, on standard error and only on a terminal, so that no output has it."""

import contextlib


@contextlib.contextmanager
def progress(title, total=None, shown=True, console=None):
    """Show a bar while the block runs; what it yields is called with the amount by which it goes on.

    Args:
        title: What is being done.
        total: The amount at the end; None where that is not known.
        shown: Whether to show it.
        console: A `rich.console.Console`; None for standard error.
    """
    import rich.progress

    from keras_charrnn.common.screen import Screen, has_bars, visible

    console = console or Screen(stderr=True)
    columns = [rich.progress.TextColumn("{task.description}", markup=False), rich.progress.BarColumn(bar_width=None)]
    columns.append(rich.progress.TimeElapsedColumn() if total is None else rich.progress.TimeRemainingColumn())
    if not (shown and has_bars(console)):  # Rich before 15 ends a bar that is not shown with an empty line
        yield lambda amount: None
        return
    with rich.progress.Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task(visible(title), total=total)
        yield lambda amount: bar.advance(task, amount)
