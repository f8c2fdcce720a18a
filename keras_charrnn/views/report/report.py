"""report.html: a run on one page."""

from keras_charrnn.common.files import write_bytes, write_text
from keras_charrnn.errors import ExtraError, WriteError
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.records import PART, in_bits, is_within, loss_of
from keras_charrnn.runs.run import Run
from keras_charrnn.views import pages
from keras_charrnn.views.advice import advise
from keras_charrnn.views.pages import escape
from keras_charrnn.views.report.plots import Plots
from keras_charrnn.views.report.samples import read_samples

SYMBOLS = 100  # most that are listed
SAMPLE_SETS = 30  # most that are shown
ROWS = 200  # most of those within epochs that are shown


def write_report(path):
    """Write report.html into a run's folder, from what the run has written so far.

    The page needs no network and no other file. Its plots are made by Matplotlib, which the extra `plots` brings;
    without it the page has the tables alone, and says so.

    Args:
        path: Of the run's folder.

    Returns:
        The path of the page.

    Raises:
        RunError: If there is no such run, or a file of it is damaged.
        WriteError: If the page cannot be written.
    """
    folder = RunFolder.open(path)
    write_text(folder.report, _Report(folder).to_html())
    return folder.report


def write_plots(path):
    """Write each plot of a run's report into its folder plots/, as a PNG; return their paths.

    Raises:
        ExtraError: If Matplotlib is not installed.
        RunError: If there is no such run, or a file of it is damaged.
        WriteError: If a picture cannot be written.
    """
    folder = RunFolder.open(path)
    plots = Plots(folder.read_metrics(), folder.read_progress(), _counts(_environment(folder)))
    try:
        folder.plots.mkdir(exist_ok=True)
    except OSError as error:
        raise WriteError(f"{folder.plots} cannot be made: {error.strerror}") from error
    paths = [folder.plots / f"{name}.png" for name in plots.titles]
    for path in paths:
        write_bytes(path, plots.png(path.stem))
    return paths


class _Report:
    """The page of one run, a method for each section."""

    def __init__(self, folder):
        self._folder, self._run = folder, Run.open(folder.path)
        self._history, self._environment = self._run.history, _environment(folder)
        self._counts, self._no_plots = _counts(self._environment), ""
        try:
            self._plots = Plots(self._history, self._run.progress, self._counts)
        except ExtraError as error:
            self._plots, self._no_plots = None, str(error)

    def to_html(self):
        name = self._folder.path.resolve().name
        sections = (
            self._head(name),
            self._training(),
            self._samples(),
            self._corpus(),
            self._recipe(),
            self._machine(),
        )
        return pages.page(f"{name}: report", "\n".join(sections))

    def _head(self, name):
        first, *further = map(str, advise(self._run))
        rest = "".join(f"<p>{escape(each)}</p>" for each in further)
        return f"<header><h1>{escape(name)}</h1>{self._facts()}<p><strong>{escape(first)}</strong></p>{rest}</header>"

    def _facts(self):
        best, rows, environment = self._run.metrics, [], self._environment
        if name := loss_of(best):
            part = " on the part that looks read" if name == PART else " per character"
            rows.append(("best validation loss", f"{best[name]:.4f} nats", f"{best[in_bits(name)]:.4f} bits{part}"))
            ended = f"{len(self._history)} that have ended"
            if is_within(best):
                rows.append(("best step", f"{best['step']:,}", f"in epoch {best['epoch']}; epochs: {ended}"))
            else:
                rows.append(("best epoch", f"{best['epoch']}", f"of {ended}"))
        elif best:
            rows.append(("last training loss", f"{best['loss']:.4f} nats", "per character"))
            rows.append(("epochs", f"{best['epoch']}", "no validation: the last model is kept"))
        loss = environment.get("start", {}).get("val_loss")
        if loss is not None:
            rows.append(("before the first step", f"{loss:.4f} nats", "of the model that it began from"))
        if "parameters" in environment:
            rows.append(("parameters", f"{environment['parameters']:,}", ""))
        if corpus := environment.get("corpus"):
            rows.append(("corpus", f"{corpus['characters']:,}", f"characters of {corpus['name']}"))
        last = max([*self._history, *self._run.progress], key=lambda row: row.get("seconds", 0), default={})
        if "seconds" in last:
            speed = f"{last['characters_per_second']:,} characters per second at the end"
            rows.append(("time", f"{last['seconds']:,.0f} s", speed))
        return pages.facts(rows)

    def _plot(self, *names):
        shown = [name for name in names if self._plots is not None and name in self._plots.titles]
        figures = (
            f"<figure><figcaption>{escape(self._plots.titles[name])}</figcaption>{self._plots.svg(name)}</figure>"
            for name in shown
        )
        return f'<div class="grid">{"".join(figures)}</div>' if shown else ""

    def _training(self):
        if not self._history and not self._run.progress:
            return ""
        note = f'<p class="soft">{escape(self._no_plots)}</p>' if self._no_plots else ""
        within = self._run.progress[-ROWS:]
        return (
            f"<section><h2>Training</h2>{note}{self._plot('loss', 'gradient_norm', 'learning_rate', 'speed')}"
            f"{self._table('Every epoch in figures', self._history, not self._plots)}"
            f"{self._table(f'Within the epochs: the last {len(within)} in figures', within, False)}</section>"
        )

    def _table(self, title, metrics, opened):
        if not metrics:
            return ""
        names = dict.fromkeys(name for row in metrics for name in row)
        rows = [[_number(name, row.get(name)) for name in names] for row in metrics]
        return (
            f"<details{' open' if opened else ''}><summary>{title}</summary>"
            f"{pages.table([name.replace('_', ' ') for name in names], rows)}</details>"
        )

    def _samples(self):
        sets = read_samples(self._folder.samples)
        if not sets:
            return ""
        shown, parts = sets[-SAMPLE_SETS:], []
        for index, each in enumerate(reversed(shown)):
            texts = "".join(
                f"<figure><figcaption><b>{escape(how)}</b></figcaption><pre>{escape(text)}</pre></figure>"
                for how, text in each.texts
            )
            opened = "" if index else " open"
            parts.append(
                f'<details{opened}><summary>{escape(each.when.capitalize())}</summary><div class="grid">{texts}</div>'
                "</details>"
            )
        if len(sets) > len(shown):
            parts.append(f'<p class="soft">The {len(sets) - len(shown)} earlier sets are in samples/.</p>')
        return f"<section><h2>Samples</h2>{self._memorized()}{''.join(parts)}</section>"

    def _memorized(self):
        if (record := self._folder.read_memorization()) is None:
            return ""
        samples, found = record
        return f"<p>In the samples of {escape(samples)}, {escape(str(found))}.</p>"

    def _corpus(self):
        corpus = self._environment.get("corpus")
        if not corpus:
            return ""
        split, windows = self._environment["split"], self._environment["windows"]
        rows = [(name, f"{each:,}" if isinstance(each, int) else each) for name, each in corpus.items() if each != ""]
        rows += [(f"{name} split", f"{count:,} characters") for name, count in split.items() if count]
        rows.append(("left over", f"{windows['left_over']:,} characters of an epoch's {windows['steps']:,} windows"))
        rows.append(("symbols", f"{self._environment['vocabulary']['symbols']:,}"))
        if start := self._environment.get("start"):
            own = "" if start["corpus"] is None else f", of {start['corpus']['name']} ({start['corpus']['sha256']})"
            rows.append(("began from", f"{start['from']} ({start['sha256']}){own}"))
        if teacher := self._environment.get("teacher"):
            both = zip(teacher["from"], teacher["sha256"], strict=True)
            rows.append(("taught by", ", ".join(f"{path} ({sha256})" for path, sha256 in both)))
        return f"<section><h2>Corpus</h2>{pages.table((), rows, numbers=False)}{self._symbols()}</section>"

    def _symbols(self):
        if not self._counts:
            return ""
        ranked = sorted(self._counts.items(), key=lambda item: -item[1])
        total, most = sum(self._counts.values()), ranked[0][1]
        rows = [
            (pages.visible(symbol), f"{count:,}", f"{count / total:.3%}", pages.Bar(count / most))
            for symbol, count in ranked[:SYMBOLS]
        ]
        left = ranked[SYMBOLS:]
        more = f"<p>{len(left):,} further symbols are {sum(count for _, count in left):,} of the text together.</p>"
        return (
            f"{self._plot('symbols')}<details><summary>Frequency of every symbol</summary>"
            f"{pages.table(('symbol', 'count', 'share', ''), rows)}{more if left else ''}</details>"
        )

    def _recipe(self):
        text = self._folder.recipe.read_text(encoding="utf-8", errors="replace")
        return f"<section><h2>Recipe</h2><pre>{escape(text)}</pre></section>"

    def _machine(self):
        machine, versions = (self._environment.get(name, {}) for name in ("machine", "versions"))
        rows = [(name, ", ".join(value) if isinstance(value, list) else value) for name, value in machine.items()]
        rows = [row for row in (*rows, *versions.items()) if row[1] != ""]
        return f"<section><h2>Environment</h2>{pages.table((), rows, numbers=False)}</section>" if rows else ""


def _environment(folder):
    return folder.read_environment() if folder.environment.exists() else {}


def _counts(environment):
    return environment.get("vocabulary", {}).get("counts", {})


def _number(name, value):
    if value is None:
        return ""
    if name == "clipped":
        return f"{value:.1%}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if name == "learning_rate" else f"{value:,.4f}"
