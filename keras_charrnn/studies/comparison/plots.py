"""Validation loss against time and against characters, a line for each trial, a colour for each cell."""

import io

from keras_charrnn.views.report.plots import DPI, STYLE, load_matplotlib

SIZE = (7.0, 4.0)  # inches
AXES = {
    "loss_by_seconds": (0, "seconds of training, with compiling and validation", "{x:,g}"),
    "loss_by_characters": (1, "characters seen in training", "{x:,.0f}"),
}


def draw_plots(comparison):
    """Return {name: PNG, as bytes} of the plots; {} where nothing was trained to the end of an epoch.

    Raises:
        ExtraError: If Matplotlib is not installed.
    """
    matplotlib = load_matplotlib()
    if not any(trial.curve for each in comparison.cells for trial in each.trials):
        return {}
    with matplotlib.rc_context(STYLE):
        return {name: _draw(matplotlib, comparison, *axis) for name, axis in AXES.items()}


def _draw(matplotlib, comparison, index, title, form):
    figure = matplotlib.figure.Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    colors = matplotlib.colormaps["tab20" if len(comparison.cells) > 10 else "tab10"]
    for number, each in enumerate(comparison.cells):
        label = each.cell
        for trial in each.trials:
            if trial.curve:
                across, losses = [point[index] for point in trial.curve], [point[2] for point in trial.curve]
                axes.plot(across, losses, color=colors(number % colors.N), label=label, marker="o", markersize=3)
                label = None  # once in the legend
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(form)
    axes.set(xlabel=title, ylabel="validation loss, nats per character")
    figure.legend(loc="outside right upper")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white")
    return file.getvalue()
