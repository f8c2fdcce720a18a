"""Validation loss against time and against characters, a line for each counted trial, a colour for each variant."""

import io

from keras_charrnn.views.report.plots import DPI, STYLE, load_matplotlib

WIDTH, HEIGHT = 7.0, 4.0  # inches
ROW = 0.17  # inches that a line of the legend takes
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
    if not any(trial.curve for each in comparison.variants for trial in each.counted):
        return {}
    with matplotlib.rc_context(STYLE):
        return {name: _draw(matplotlib, comparison, *axis) for name, axis in AXES.items()}


def _draw(matplotlib, comparison, index, title, form):
    count = len(comparison.variants)
    figure = matplotlib.figure.Figure(figsize=(WIDTH, max(HEIGHT, ROW * (count + 2))), layout="constrained")
    axes = figure.add_subplot()
    colors = matplotlib.colormaps["tab20" if count > 10 else "tab10"]
    if count > colors.N:
        colors = matplotlib.colormaps["turbo"].resampled(count)
    for number, each in enumerate(comparison.variants):
        label = each.name
        for trial in each.counted:
            if trial.curve:
                across, losses = [point[index] for point in trial.curve], [point[2] for point in trial.curve]
                axes.plot(across, losses, color=colors(number), label=label, marker="o", markersize=3)
                label = None  # once in the legend
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(form)
    axes.set(xlabel=title, ylabel="validation loss, nats per character")
    figure.legend(loc="outside right upper")
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white")
    return file.getvalue()
