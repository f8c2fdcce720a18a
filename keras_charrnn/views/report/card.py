"""README.md: what a run's model is, in the form in which model hubs show it."""

from keras_charrnn.common.files import write_text
from keras_charrnn.recipe.reading import load_file
from keras_charrnn.recipe.schema import dump
from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.runs.records import PART, in_bits, loss_of, when
from keras_charrnn.runs.run import Run
from keras_charrnn.views.pages import visible
from keras_charrnn.views.report.samples import read_samples

LONGEST = 600  # characters of a sample that are shown
SYMBOLS = 200  # most that are listed


def write_card(path):
    """Write README.md into a run's folder: what the model is, its data, figures, samples, how to load it, its limits.

    Its head is the YAML that model hubs read. What they would need beside that, such as a licence, is the author's to
    say: nothing of a run tells it. A card that is there is written anew, as `report.html` is.

    Args:
        path: Of the run's folder.

    Returns:
        The path of the card.

    Raises:
        RunError: If there is no such run, it has no model yet, or a file of it is damaged.
        WriteError: If the card cannot be written.
    """
    folder = RunFolder.open(path)
    folder.require_model()
    write_text(folder.card, "\n\n".join(filter(None, _parts(folder))) + "\n")
    return folder.card


def _parts(folder):
    """Yield the paragraphs."""
    run, environment = Run.open(folder.path), folder.read_environment()
    recipe, _ = load_file(folder.recipe)
    reset = recipe.get("states", {}).get("reset")
    name, settings = folder.path.resolve().name, recipe.get("model", {})
    cell = settings.get("cell", {}).get("name", "")
    yield f"---\n{dump(_head(cell, environment)).strip()}\n---"
    yield f"# {name}"
    layers, units = settings.get("layers"), settings.get("units")
    yield (
        f"A character-level recurrent language model: it predicts each character of a text from all before it. "
        f"{layers} layer{'s' if layers != 1 else ''} of `{cell}` with {units} units, "
        f"{environment['parameters']:,} parameters, made with keras_charrnn {environment['versions']['keras_charrnn']}."
    )
    yield "## Use"
    yield (
        "```python\nimport keras_charrnn\n\n"
        'model = keras_charrnn.load("model.keras")\n'
        "print(model.generate(length=400, temperature=0.8))\n"
        'print(model.score("a text").bits_per_character)\n```'
    )
    if recipe.get("plugins"):
        yield "Its cell or corpus is of a plugin, which must be imported first: `load(…, plugins=[…])`."
    yield "## Data"
    yield from _data(environment)
    yield "## Figures"
    yield _figures(run)
    yield from _samples(folder)
    yield "## Limits"
    yield (
        "It knows its text and nothing else: it writes in that style, it may write parts of it by heart, and what it "
        "writes is not true. It knows only the symbols above."
        + (f" Every {reset} is predicted from itself alone." if reset in ("line", "document") else "")
    )
    if record := folder.read_memorization():
        samples, found = record
        yield f"In the samples of {samples}, {found}."
    yield "The recipe with every key is `recipe.yaml`; machine, versions and checksums are in `environment.json`."


def _head(cell, environment):
    return {
        "library_name": "keras",
        "pipeline_tag": "text-generation",
        "tags": ["keras_charrnn", "character-level", "char-rnn", "recurrent", cell],
        "datasets": [environment["corpus"]["name"]],
    }


def _data(environment):
    corpus, split = environment["corpus"], environment["split"]
    shares = ", ".join(f"{count:,} {name}" for name, count in split.items() if count)
    yield (
        f"{corpus['name']}: {corpus['characters']:,} characters; of symbols, {shares}. SHA-256 of the text "
        f"`{corpus['sha256']}`."
    )
    symbols = [visible(each) for each in environment["vocabulary"]["counts"]]
    more = f" and {len(symbols) - SYMBOLS:,} more" if len(symbols) > SYMBOLS else ""
    listed = " ".join(symbols[:SYMBOLS]).replace("`", "\u02cb")
    yield f"{len(symbols):,} symbols: `` {listed} ``{more}."
    if start := environment.get("start"):
        of = "" if start["corpus"] is None else f", trained on {start['corpus']['name']}"
        loss = "" if start["val_loss"] is None else f"; before the first step it scored {start['val_loss']:.4f} nats"
        yield f"The training began from another model (`{start['sha256']}`{of}){loss}."
    if teacher := environment.get("teacher"):
        names = ", ".join(f"`{each}`" for each in teacher["sha256"])
        yield f"It learned from the probabilities of other models too ({names}), and may know of their texts."


def _figures(run):
    best = run.metrics
    if not best:
        return "No epoch had ended: nothing has been measured."
    if name := loss_of(best):
        of = "the part of the validation split that looks read" if name == PART else "the whole validation split"
        protocol = f"{of}, the state carried; chosen among the epochs by this loss, on which it is a little too good"
        rows = [("validation", best[name], best[in_bits(name)], protocol)]
    else:
        rows = []
    rows.append(("training", best["loss"], best[in_bits("loss")], "mean over the epoch, while the weights change"))
    lines = [f"| {what} | {nats:.4f} | {in_bits_:.4f} | {how} |" for what, nats, in_bits_, how in rows]
    table = "\n".join(["| split | nats per character | bits per character | how |", "|---|---:|---:|---|", *lines])
    return f"{table}\n\nOf {when(best)}, of {len(run.history)} that have ended."


def _samples(folder):
    sets = read_samples(folder.samples)
    if not sets:
        return
    yield "## Samples"
    for how, text in sets[-1].texts:
        fence = "`" * max(3, 1 + max((len(each) for each in _runs(text)), default=0))
        yield f"{how.capitalize()}:\n\n{fence}text\n{text[:LONGEST]}\n{fence}"


def _runs(text):
    """Return the runs of backticks in a text, which a fence must be longer than."""
    return "".join(character if character == "`" else " " for character in text).split()
