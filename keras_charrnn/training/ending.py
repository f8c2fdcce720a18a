"""What a run gets when its training has ended: how much of its samples it has by heart, and its report."""

from keras_charrnn.common.progress import progress
from keras_charrnn.text.verbatim import memorization
from keras_charrnn.views.report import write_report
from keras_charrnn.views.report.samples import read_samples


def end(folder, prefix, characters, learned, console):
    """Compare the last samples with the training text, and write the report.

    Args:
        folder: The `RunFolder`.
        prefix: Of the samples; it is not the model's.
        characters: Of the training text, for a bar on the console.
        learned: The training text, an iterable of pieces: see `measures.learned`; None where it cannot be had.
        console: A `rich.console.Console`.

    Raises:
        WriteError: If a file cannot be written.
    """
    sets = read_samples(folder.samples)
    if sets and learned is not None:
        texts = [text.removeprefix(prefix) for _, text in sets[-1].texts]
        with progress("comparing the samples with the text", characters, console=console) as advance:
            folder.write_memorization(sets[-1].when, memorization(texts, _watched(learned, advance)))
    write_report(folder.path)


def _watched(pieces, advance):
    for piece in pieces:
        yield piece
        advance(len(piece))
