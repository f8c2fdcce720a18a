"""Validation loss against time and against characters, a line for each counted trial, a colour for each variant."""

import io

from keras_charrnn.views.report.plots import DPI, STYLE, load_matplotlib

SIZE = (6.0, 4.0)  # inches, without the legend, by which a picture is wider, and higher if need be
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
    figure = matplotlib.figure.Figure(figsize=SIZE)
    axes = figure.add_subplot()
    colors = matplotlib.colormaps["tab20" if count > 10 else "tab10"]
    if count > colors.N:
        colors = matplotlib.colormaps["turbo"].resampled(count)
    for number, (each, label) in enumerate(zip(comparison.variants, comparison.labels, strict=True)):
        for trial in each.counted:
            if trial.curve:
                across, losses = [point[index] for point in trial.curve], [point[2] for point in trial.curve]
                axes.plot(across, losses, color=colors(number), label=label, marker="o", markersize=3)
                label = None  # once in the legend
    axes.set_xlim(left=0)
    axes.xaxis.set_major_formatter(form)
    axes.set(xlabel=title, ylabel="validation loss, nats per character")
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.02))
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, facecolor="white", bbox_inches="tight")
    return file.getvalue()
