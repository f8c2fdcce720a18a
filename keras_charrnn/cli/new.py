__doc__ = """Write a recipe for a text, with sizes that fit it and the time that training takes here.

The time is an estimate: some steps of the training itself are made and timed.
"""

import math
import os
import pathlib
import tempfile
import time

from keras_charrnn.cli.text import add_encoding
from keras_charrnn.common.files import clean_name, is_stream, user_path, write_text, write_whole
from keras_charrnn.common.progress import progress
from keras_charrnn.common.screen import Screen, say, say_notes
from keras_charrnn.common.shell import command_line, quote
from keras_charrnn.errors import SettingsError

STEPS = 40  # of an epoch that is timed


def add_arguments(parser):
    parser.add_argument("text", metavar="TEXT", help="a text file; - for standard input")
    add_encoding(parser)
    parser.add_argument(
        "--output", metavar="RECIPE", help="the recipe to write (default: TEXT's name with .yaml, here)"
    )


def run(options):
    from keras_charrnn.common.encodings import AUTO
    from keras_charrnn.recipe.suggestion import Suggestion
    from keras_charrnn.text import corpora
    from keras_charrnn.text.vocabularies import Vocabulary

    text = corpora.load(path=options.text, encoding=options.encoding)
    output = user_path(options.output or f"{clean_name(text.name, 'text')}.yaml")
    user_path(output.absolute())  # by which a training knows it; its error before anything is written
    if output.exists():
        raise SettingsError(f"{output} exists already; name another file with --output, or remove it")
    if output.suffix not in (".yaml", ".yml"):
        raise SettingsError(f"--output must end in .yaml; received {output}")
    suggestion = Suggestion.for_text(text.characters, len(Vocabulary.from_text(text)))
    if is_stream(options.text):
        path, encoding = "text.txt", AUTO
        _keep(text, output.with_name(path))
    else:
        path, encoding = _path_from(output.parent, options.text), options.encoding
    write_text(output, suggestion.to_yaml(path, encoding=encoding))
    screen = Screen()
    say_notes(screen, *text.notes)
    say(
        screen,
        f"{quote(output)}: {text.characters:,} characters, an RMS-normalised LSTM of {suggestion.units} units "
        f"with {suggestion.parameters:,} parameters, {suggestion.epochs} epochs of {suggestion.steps} steps",
    )
    seconds, machine = _measure(output, text, suggestion, options.debug)
    expectation = f"Expect about {_about(seconds)} on {machine}: an estimate, from some steps timed there."
    write_text(output, suggestion.to_yaml(path, expectation, encoding))
    say(screen, f"{expectation}\n{command_line('train', output)}")


def _keep(text, path):
    """Write the text of a pipe as a file, for the recipe to name."""
    if path.exists():
        raise SettingsError(f"{path}, where the text is to be kept, exists already; name another folder with --output")

    def write(temporary):
        with temporary.open("w", encoding="utf-8", newline="") as file:
            file.writelines(text.pieces())

    write_whole(path, write)


def _path_from(folder, text):
    """Return the path of the text as it stands in a recipe in `folder`: relative only downwards."""
    text = user_path(text)
    relative = os.path.relpath(text, folder)
    if relative.startswith(".."):
        return str(text.resolve())
    return f"./{relative}" if relative == "-" or relative.startswith("~") else relative


def _measure(recipe, text, suggestion, debug):
    """Train on the beginning of the text for two short epochs; return the seconds of the whole, and the machine."""
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(debug):
        import keras

        from keras_charrnn.engine import compute
        from keras_charrnn.recipe.suggestion import TRAIN
        from keras_charrnn.runs.folder import RunFolder
        from keras_charrnn.training import fit
    begins, ends = [], []  # of epochs; of the groups of steps of the second one, which compiles nothing
    clock = keras.callbacks.LambdaCallback(
        on_epoch_begin=lambda epoch, logs: begins.append(time.perf_counter()),
        on_train_batch_end=lambda batch, logs: ends.append((time.perf_counter(), batch)) if len(begins) == 2 else None,
    )
    window = suggestion.batch_size * suggestion.length
    wanted, beginning = math.ceil((STEPS + 1) * window / TRAIN), ""
    for piece in text.pieces():
        beginning += piece
        if len(beginning) >= wanted:
            break
    beginning = beginning[:wanted]
    with tempfile.TemporaryDirectory() as folder, progress("timing some steps of the training"):
        path = pathlib.Path(folder) / "beginning.txt"
        write_text(path, beginning)
        brief = {"training.epochs": 2, "samples.every_epochs": 0, "corpus.path": str(path), "corpus.encoding": "utf-8"}
        started = time.perf_counter()
        done = fit(recipe, brief, folder, callbacks=[clock], console=Screen(quiet=True))
        ended = time.perf_counter()
        machine = compute.Machine(**RunFolder(done.folder).read_environment()["machine"])
    (first, start), (last, end) = ends[0], ends[-1]
    step = (last - first) / (end - start) if end > start else last - begins[1]
    # After an epoch come validation and the saving of models. Reading costs about a third of learning.
    unread = (1 - TRAIN) * (text.characters - len(beginning)) / window / 3
    epoch = suggestion.steps * step + (ended - last) + unread * step
    start_up = (begins[1] - started) - (ended - begins[1])
    return max(0, start_up) + suggestion.epochs * epoch, machine.hardware


def _about(seconds):
    """Return a time as a person would say it."""
    for name, size in (("hours", 3600), ("minutes", 60)):
        if seconds >= 1.5 * size:
            count = seconds / size
            return f"{count:.0f} {name}" if count >= 2.5 or name == "minutes" else f"{count:.1f} {name}"
    return f"{max(10, round(seconds, -1)):.0f} seconds"
