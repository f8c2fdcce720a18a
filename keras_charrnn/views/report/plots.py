"""The plots of a run, by Matplotlib, as SVG for a page or as PNG."""

import io
import logging
import math
import re

from keras_charrnn.errors import ExtraError
from keras_charrnn.runs.records import PART, WHOLE

SIZE = (4.7, 2.75)  # inches: on a narrow screen a plot is as wide as the screen, its text about as large as the page's
DPI = 200  # of a PNG
ROOM = 1.3  # height of a plot with a legend above its lines
# The colours of a PNG, each by the name of the page's own colour that takes its place in an SVG.
COLORS = {"ink": "#1c1f25", "soft": "#59606c", "line": "#dcdfe6", "train": "#c2570d", "validation": "#2158c5"}
COLORS["other"] = "#0d7a6d"
LOSSES = {  # label, colour
    "loss": ("train", "train"),
    WHOLE: ("validation", "validation"),
    PART: ("validation, a part", "other"),
}
MARKED = 40  # most epochs whose ends are marked

STYLE = {
    "svg.fonttype": "none", "font.size": 8.5, "text.color": COLORS["ink"], "axes.labelcolor": COLORS["soft"],
    "axes.edgecolor": COLORS["line"], "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "grid.color": COLORS["line"], "grid.linewidth": 0.6, "xtick.color": COLORS["line"], "ytick.color": COLORS["line"],
    "xtick.labelcolor": COLORS["soft"], "ytick.labelcolor": COLORS["soft"], "lines.linewidth": 1.6,
    "legend.frameon": False,
}  # fmt: skip


def load_matplotlib():
    """Return the module of Matplotlib, with its figures.

    Raises:
        ExtraError: If it is not installed.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of its font cache at its first use
    try:
        import matplotlib
        import matplotlib.figure
    except ImportError as error:
        raise ExtraError("plots need Matplotlib; install it with: pip install 'keras-charrnn[plots]'") from error
    return matplotlib


class Plots:
    """The plots that the metrics and symbols of a run allow, by step where metrics within epochs do, else by epoch.

    Args:
        history, progress: The metrics of each epoch, and within epochs, as `Run` has them.
        counts: Mapping from symbols to how often the text has them; {} for unknown.

    Attributes:
        titles: Mapping from names of plots to titles, plain text.

    Raises:
        ExtraError: If Matplotlib is not installed.
    """

    def __init__(self, history, progress, counts):
        self._matplotlib, self._history, self._counts = load_matplotlib(), history, counts
        self._progress, self._across = progress, "step" if progress else "epoch"
        self.titles, rows = {}, [*history, *progress]
        if rows:
            self.titles |= {
                "loss": "Loss, nats per character (right: bits)",
                "learning_rate": f"Learning rate{'' if progress else ', at the end of each epoch'}",
                "speed": "Characters per second, in training",
            }
        if any("gradient_norm" in row for row in rows):
            self.titles["gradient_norm"] = (
                f"Gradient norm, mean {'since the last point' if progress else 'of each epoch'}"
            )
        if counts:
            self.titles["symbols"] = "Share of each symbol in the text, by rank"

    def png(self, name):
        """Return a plot as the bytes of a PNG file."""
        return self._draw(name, format="png", dpi=DPI, facecolor="white")

    def svg(self, name):
        """Return a plot as an `<svg>` element for an HTML page, whose colours are the page's own."""
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        text = self._draw(name, format="svg", transparent=True, metadata=nothing).decode("utf-8")
        text = text[text.index("<svg") :]
        # An SVG within HTML needs no namespaces; its ids must not meet those of the other plots.
        text = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
        text = re.sub(r'\bid="', f'id="{name}-', text)
        text = re.sub(r'(url\(|href=")#', rf"\1#{name}-", text)
        for color, value in COLORS.items():
            text = text.replace(value, f"var(--{color})")
        return text.replace("<svg", f'<svg role="img" aria-label="{self.titles[name]}"', 1)

    def _draw(self, name, **options):
        with self._matplotlib.rc_context({"svg.hashsalt": name, **STYLE}):
            figure = self._matplotlib.figure.Figure(figsize=SIZE, layout="constrained")
            axes = figure.add_subplot()
            getattr(self, f"_draw_{name}")(axes)
            if name != "symbols":
                axes.xaxis.get_major_locator().set_params(integer=True)
                axes.set_xlabel(self._across)
                self._mark_epochs(axes)
                self._mark_continued(axes)
            if options["format"] == "png":  # on the page the title is a caption
                axes.set_title(self.titles[name], loc="left", fontsize="medium")
            file = io.BytesIO()
            figure.savefig(file, **options)
        return file.getvalue()

    def _mark_epochs(self, axes):
        """Mark where epochs have ended, and number them, where that is not what the axis has."""
        if self._progress and 0 < len(self._history) <= MARKED:
            ends = {row["step"]: row["epoch"] for row in self._history if "step" in row}
            for step in ends:
                axes.axvline(step, color=COLORS["soft"], linewidth=0.6, linestyle=":")
            above = axes.secondary_xaxis("top")
            shown = list(ends)[:: math.ceil(len(ends) / 10)]
            above.set_xticks(shown, [f"epoch {ends[step]}" if step == shown[0] else f"{ends[step]}" for step in shown])
            above.spines["top"].set_visible(False)

    def _mark_continued(self, axes):
        """Mark where a run that had finished went on."""
        rows = [*self._history, *self._progress]
        for step in sorted({row["continued"] for row in rows if row.get("continued")}):
            ends = [row["epoch"] for row in self._history if row.get("step", math.inf) <= step]
            place = step if self._across == "step" else max(ends, default=0)
            axes.axvline(place, color=COLORS["other"], linewidth=1, linestyle="--")
            above = axes.get_xaxis_transform()
            axes.text(place, 0.02, " continued", color=COLORS["other"], transform=above, fontsize="small")

    def _line(self, axes, metric, color, label=None):
        """Draw a metric from the rows within epochs where they have it, else from those of epochs."""
        rows = [row for row in self._progress if metric in row] or self._history
        values = [row.get(metric, math.nan) for row in rows]
        values = [value if math.isfinite(value) else math.nan for value in values]
        across, marker = [row.get(self._across, math.nan) for row in rows], "o" if len(values) <= 40 else None
        axes.plot(across, values, color=COLORS[color], label=label, marker=marker, markersize=3)
        return values

    def _draw_loss(self, axes):
        rows = [*self._progress, *self._history]
        names = dict.fromkeys(name for row in rows for name in row if name.endswith("loss"))
        for name in names:  # any other is a callback's, such as that of a moving average of the weights
            label, color = LOSSES.get(name, (name.replace("_", " "), "other"))
            self._line(axes, name, color, label)
        axes.legend(loc="upper right", labelcolor="linecolor")
        right = axes.secondary_yaxis("right", functions=(lambda nats: nats / math.log(2), lambda b: b * math.log(2)))
        right.spines["right"].set_visible(False)

    def _draw_learning_rate(self, axes):
        self._line(axes, "learning_rate", "validation")
        axes.set_ylim(bottom=0)

    def _draw_speed(self, axes):
        self._line(axes, "characters_per_second", "validation")
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter("{x:,.0f}")

    def _draw_gradient_norm(self, axes):
        norms = self._line(axes, "gradient_norm", "validation", "norm before clipping")
        axes.set_ylim(0, ROOM * max((norm for norm in norms if norm > 0), default=1))
        axes.legend(loc="upper left", labelcolor="linecolor")
        if any(row.get("clipped") for row in [*self._progress, *self._history]):
            right = axes.twinx()
            right.grid(visible=False)
            self._line(right, "clipped", "train", "share of steps clipped")
            right.set_ylim(0, ROOM)
            right.set_yticks([0, 0.5, 1])
            right.yaxis.set_major_formatter(self._matplotlib.ticker.PercentFormatter(1))
            right.legend(loc="upper right", labelcolor="linecolor")

    def _draw_symbols(self, axes):
        shares = sorted((count for count in self._counts.values() if count), reverse=True)
        total = sum(shares)
        ranks = range(1, len(shares) + 1)
        axes.loglog(ranks, [count / total for count in shares], ".", color=COLORS["validation"], markersize=4)
        axes.yaxis.set_major_formatter(lambda share, _: f"{share:.6%}".rstrip("0%").rstrip(".") + "%")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.set_xlabel("rank")
