"""What the command line gives a model to go on with: one beginning, or a file of many."""

import dataclasses
import json

from keras_charrnn.cli.text import given, read_whole
from keras_charrnn.common.importing import suggest
from keras_charrnn.common.template import Template
from keras_charrnn.errors import CharRNNError, SettingsError


@dataclasses.dataclass(frozen=True)
class Request:
    """A beginning.

    Attributes:
        prefix: The text.
        what: What it is, for messages.
        settings: Those of `generate` by which to go on with it, a mapping.
    """

    prefix: str
    what: str
    settings: dict


def beginnings(options, model, settings):
    """Return the `Request`s of a command line, one or more.

    Args:
        options: Of the command.
        model: That is to go on with them.
        settings: A mapping, for those that have none of their own.

    Raises:
        CharRNNError: If one cannot be read, or the model does not know a character of it.
    """
    ways = ("prefix", "prefix_file", "prefixes", "fields")
    ways = [f"--{name.replace('_', '-')}" for name in ways if getattr(options, name) not in (None, [])]
    if len(ways) > 1:
        raise SettingsError(f"{' and '.join(ways)} exclude one another; give one of them")
    if options.prefixes is not None:
        return _read(options.prefixes, model, settings)
    if options.prefix_file is not None:
        prefix = read_whole(options.prefix_file, model.vocabulary.encoding)
    elif options.fields:
        prefix = _of_fields(options)
    else:
        prefix = given("--prefix", options.prefix or "", options.raw)
    return [Request(prefix, "the prefix", settings)]


def _read(path, model, settings):
    """Return the requests of a file: each line one, as JSON where its name ends in .jsonl."""
    text, is_json = read_whole(path, model.vocabulary.encoding), str(path).endswith((".jsonl", ".ndjson"))
    requests = []
    for number, line in enumerate(text.removesuffix("\n").split("\n"), start=1):
        what = f"{path}, line {number}"
        own = _of_json(line, what, settings) if is_json else {"prefix": line}
        request = Request(own.pop("prefix"), what, {**settings, **own})
        model.vocabulary.encode(request.prefix, what)
        requests.append(request)
    if len(requests) == 1 and not requests[0].prefix:
        raise SettingsError(f"{path} has no beginning; write one a line")
    return requests


def _of_json(line, what, settings):
    from keras_charrnn.model.sampling.settings import NAMES, Sampling

    try:
        found = json.loads(line)
    except ValueError as error:
        raise SettingsError(f"{what} is no JSON: {error}") from error
    if not (isinstance(found, dict) and isinstance(found.get("prefix"), str)):
        raise SettingsError(f'{what} must be an object with a text "prefix", as in {{"prefix": "The ", "seed": 1}}')
    accepted = ("prefix", "length", "stop", *NAMES)
    for name in found:
        if name not in accepted:
            raise SettingsError(f"{what}: there is no setting {name!r}{suggest(name, accepted)}")
    try:
        Sampling(**{name: value for name, value in {**settings, **found}.items() if name in NAMES})
    except CharRNNError as error:
        raise type(error)(f"{what}: {error}") from error
    return found


def _of_fields(options):
    """Return the text with which records begin that have some fields.

    Raises:
        SettingsError: If the run's recipe has no template, or the fields do not go with it.
    """
    from keras_charrnn.recipe.reading import load_file
    from keras_charrnn.runs import RunFolder

    template = load_file(RunFolder.open(options.path).recipe)[0]["corpus"].get("template")
    if template is None:
        raise SettingsError(f"--fields is of a run on records, and the recipe of {options.path} has no corpus.template")
    values = {}
    for each in options.fields:
        name, equals, text = each.partition("=")
        if not equals:
            raise SettingsError(f"--fields takes NAME=TEXT, as in author=Byron; received {each!r}")
        values[name] = given("--fields", text, options.raw)
    return Template(template).begin(values)
