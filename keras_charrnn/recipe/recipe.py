"""A whole recipe."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping

from keras_charrnn import registry
from keras_charrnn.common import ready
from keras_charrnn.common.encodings import AUTO
from keras_charrnn.common.files import LONGEST_NAME, clean_name, existing_part, is_name, is_stream, name_of, user_path
from keras_charrnn.errors import PluginError, RecipeError, RegistryError, SettingsError
from keras_charrnn.recipe import sections
from keras_charrnn.recipe.checks import flag, pathname, refusal, several, show, text
from keras_charrnn.recipe.hints import for_callback, for_missing
from keras_charrnn.recipe.named import Each, Named
from keras_charrnn.recipe.overrides import apply_overrides
from keras_charrnn.recipe.reading import FOR_A_TEXT, load_file
from keras_charrnn.recipe.schema import dump
from keras_charrnn.recipe.search import SearchCheck, candidates
from keras_charrnn.recipe.section import Section, build, key, keys
from keras_charrnn.recipe.starting import Start, complete, without_continuation
from keras_charrnn.recipe.teaching import Teacher, located
from keras_charrnn.recipe.training import Training

NAME = text(
    f"letters and digits of any script, -, _ and ., not first - or ., {LONGEST_NAME} bytes at most", fits=is_name
)
_CALLBACK = text("the import path of a Keras callback, as in keras.callbacks.TerminateOnNaN", r"(?!tf\.)\w+(\.\w+)+")
CALLBACK = Named(
    dataclasses.replace(_CALLBACK, hint=for_callback),
    "",
    {},
    further="arguments of its constructor",
)
PLUGINS = several(pathname("a module or a file ending in .py"), "modules or files ending in .py")


def _section(cls):
    return dataclasses.field(default_factory=cls, metadata={"section": cls, "name": None, "check": _SectionCheck(cls)})


@dataclasses.dataclass(frozen=True)
class _SectionCheck:
    """A section as a key of the recipe; null leaves all of it at its defaults."""

    section: type

    def __call__(self, value, path, problems):
        return build(self.section, {} if value is None else value, path, problems)


@dataclasses.dataclass(frozen=True)
class Recipe(Section):
    """All that makes a run: read it with `read`, change it with overrides."""

    name: str = key("run", "name of the run's folder, to which -001, -002, … is added; default: the file's", NAME)
    corpus: sections.Corpus = _section(sections.Corpus)
    split: sections.Split = _section(sections.Split)
    vocabulary: sections.Vocabulary = _section(sections.Vocabulary)
    windows: sections.Windows = _section(sections.Windows)
    start: Start = _section(Start)
    model: sections.Model = _section(sections.Model)
    training: Training = _section(Training)
    teacher: Teacher = _section(Teacher)
    states: sections.States = _section(sections.States)
    validation: sections.Validation = _section(sections.Validation)
    samples: sections.Samples = _section(sections.Samples)
    checkpoints: sections.Checkpoints = _section(sections.Checkpoints)
    compute: sections.Compute = _section(sections.Compute)
    tensorboard: bool = key(False, "whether the run's folder gets logs for TensorBoard, in tensorboard/", flag())
    callbacks: tuple = key([], "further Keras callbacks of the training", Each(CALLBACK, "callbacks"))
    plugins: tuple = key([], "modules or files that register cells, imported first", PLUGINS)
    tune: dict = key({}, "keys that the command tune searches, each with choices or a range", SearchCheck())

    @property
    def validates(self):
        """Whether there is a validation split: a share of the text, or files of its own."""
        return bool(self.split.validation or self.corpus.validation)

    @property
    def reading(self):
        """The arguments with which `corpora.load` reads its text."""
        corpus, unit = vars(self.corpus), registry.vocabularies.get(self.vocabulary.unit["name"])
        encoding = unit.encoding if self.corpus.encoding == AUTO else self.corpus.encoding
        return {**corpus, "encoding": encoding, "documents": self.states.reset == "document"}

    def conflicts(self):
        found = []
        if self.corpus.mark is not None and self.states.reset != "document":
            found.append("corpus.mark: is of documents; write states.reset: document too")
        if self.states.reset == "document" and self.corpus.path is None:
            found.append("states.reset: document is of files, and there is no corpus.path")
        if self.validates:
            return found
        needing = {
            "training.patience: waits for a better validation loss": self.training.patience is not None,
            "validation: looks at the validation split": self.validation.looks,
        }
        return found + [f"{what}, and split.validation is 0; leave one out" for what, asked in needing.items() if asked]

    def to_mapping(self):
        """Return the recipe as plain values, every key in it: what `read` makes the same recipe of."""
        return _plain(self)

    def to_yaml(self, without=()):
        """Return the recipe as a YAML file, every key in it but for the sections of `without`."""
        mapping = {name: value for name, value in self.to_mapping().items() if name not in without}
        return dump(mapping, width=100)


def _plain(value):
    if isinstance(value, Section):
        return {name: _plain(getattr(value, field.name)) for name, field in keys(type(value)).items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return value


def read(source, overrides=None, plugins=(), begun=False):
    """Read and check a recipe.

    Args:
        source: Path of a YAML file, "-" for standard input, a mapping, or a `Recipe`; or the name of one that comes
            with the package, such as "shakespeare", where there is no file of that name.
        overrides: {"model.units": 256, ...}, laid over it. Paths of texts and plugins start from the folder of the
            recipe's file; those in a mapping, an override or a recipe from a pipe start from the current folder.
        plugins: Files and modules to import first. One of the name of a file among the recipe's plugins stands for it,
            and one of the recipe's that is not there may be missing where they register all that the recipe names.
        begun: Whether it is the recipe of a run, which does not need the model any more that it began from.

    Returns:
        A `Recipe` whose paths are absolute and whose plugins are imported. Where it has a model to begin from, its
        section `model` is as that model.

    Raises:
        RecipeError: If anything is wrong with it; the message lists every problem, each with its path.
        RegistryError: If one of `plugins` cannot be imported.
    """
    overrides = {} if overrides is None else overrides
    if not isinstance(overrides, Mapping):
        raise RecipeError(refusal("overrides", "a mapping such as {'model.units': 256}", overrides))
    mapping, problems, label, folder, default_name = _open(source)
    if not isinstance(mapping, Mapping):
        wanted = "must be a mapping, as in `corpus: {path: my.txt}`"
        raise RecipeError(f"{wanted}, not {show(mapping)}; {FOR_A_TEXT}", label)
    mapping = apply_overrides({"name": default_name, "corpus": {}, **mapping}, overrides, problems)
    here = pathlib.Path.cwd()
    if not begun:
        given = _overridden(overrides, "start", "from")
        mapping = complete(mapping, here if given else folder, problems, overrides if given else None)
        mapping = without_continuation(mapping)
    recipe = build(Recipe, mapping, "", problems)
    recipe = _absolute(
        recipe,
        corpus_folders={
            name: here if _overridden(overrides, "corpus", name) else folder for name in ("path", "validation", "test")
        },
        plugin_folder=here if "plugins" in overrides else folder,
        problems=problems,
    )
    near = here if _overridden(overrides, "teacher", "from") else folder
    teacher = dataclasses.replace(recipe.teacher, source=located(recipe.teacher.source, near, problems, begun))
    recipe = dataclasses.replace(recipe, teacher=teacher)
    recipe, found = _load_plugins(recipe, registry.load_plugins(plugins))
    problems += found
    problems += _refused_candidates(recipe.tune, mapping, problems)
    if problems:
        raise RecipeError(problems, label)
    return recipe


def describe_keys():
    """Return every key of a recipe: a list of (path, default, description, accepted values in words)."""
    rows = []
    for name, field in keys(Recipe).items():
        section = field.metadata.get("section")
        inner = {f"{name}.{each}": field for each, field in keys(section).items()} if section else {name: field}
        rows += [
            (path, each.metadata["default"], each.metadata["description"], each.metadata["check"].accepted)
            for path, each in inner.items()
        ]
    return rows


def _open(source):
    """Return the mapping, its problems, its label in messages, its folder and the name that it has by default."""
    if isinstance(source, Recipe):
        return source.to_mapping(), [], "recipe", pathlib.Path.cwd(), source.name
    if isinstance(source, str | os.PathLike):
        source = ready.find_recipe(source) or source
        mapping, problems = load_file(source)
        if is_stream(source):
            return mapping, problems, name_of(source), pathlib.Path.cwd(), "run"
        path = user_path(source)
        return mapping, problems, str(path), path.resolve().parent, clean_name(path.stem)
    return source, [], "recipe", pathlib.Path.cwd(), "run"


def _overridden(overrides, section, key):
    inner = overrides.get(section)
    return f"{section}.{key}" in overrides or (isinstance(inner, Mapping) and key in inner)


def _absolute(recipe, corpus_folders, plugin_folder, problems):
    def absolute(path, folder, key):
        if path == "-":
            return path
        try:
            found = user_path(folder / user_path(path))
        except SettingsError as error:
            problems.append(f"{key}: {error}")
            return path
        if not found.exists() and (hint := for_missing(existing_part(found)[1])):
            problems.append(f"{key}: there is no {show(path)}; {hint}")
        return str(found)

    found, plugins = {}, []
    for name, folder in corpus_folders.items():
        paths, key = getattr(recipe.corpus, name), f"corpus.{name}"
        if isinstance(paths, str):
            found[name] = absolute(paths, folder, key)
        elif paths:
            found[name] = tuple(absolute(each, folder, f"{key}[{i}]") for i, each in enumerate(paths))
    corpus = dataclasses.replace(recipe.corpus, **found)
    for index, each in enumerate(recipe.plugins):
        try:
            plugins.append(registry.locate(each, plugin_folder))
        except SettingsError as error:
            problems.append(f"plugins[{index}]: {error}")
    return dataclasses.replace(recipe, corpus=corpus, plugins=tuple(plugins))


def _load_plugins(recipe, given):
    """Import a recipe's plugins but those for which given ones stand; return it with all of them, and problems."""
    names = {pathlib.Path(each).name for each in given if registry.is_plugin_file(each)}
    plugins, broken, missing = list(given), [], []
    for index, plugin in enumerate(recipe.plugins):
        if registry.is_plugin_file(plugin) and pathlib.Path(plugin).name in names:
            continue
        try:
            registry.load_plugin(plugin)
            plugins.append(plugin)
        except RegistryError as error:
            tolerated = given and not isinstance(error, PluginError)
            (missing if tolerated else broken).append(f"plugins[{index}]: {error}")
    recipe = dataclasses.replace(recipe, plugins=tuple(dict.fromkeys(plugins)))
    unknown = [] if broken else [*_unknown_names(recipe), *_unknown_callbacks(recipe)]
    return recipe, broken or (unknown and [*missing, *unknown])


def _unknown_callbacks(recipe):
    """Return the problems of callbacks that cannot be imported or are none."""
    problems = []
    for index, callback in enumerate(recipe.callbacks):
        try:
            registry.load_callback(callback["name"], recipe.plugins)
        except RegistryError as error:
            problems.append(f"callbacks[{index}]: {error}")
    return problems


def _unknown_names(recipe):
    """Return the problems of names that nothing is registered under."""
    asked = [("model.cell", registry.cells, recipe.model.cell["name"])]
    asked += [
        (f"samples.samplers[{i}]", registry.samplers, each["name"]) for i, each in enumerate(recipe.samples.samplers)
    ]
    asked.append(("vocabulary.unit", registry.vocabularies, recipe.vocabulary.unit["name"]))
    if recipe.corpus.name is not None:
        asked.append(("corpus.name", registry.corpora, recipe.corpus.name))
    asked += [(f"corpus.else[{i}]", registry.corpora, name) for i, name in enumerate(recipe.corpus.otherwise)]
    return [f"{path}: {names.unknown(name)}" for path, names, name in asked if name not in names]


def _refused_candidates(search, mapping, problems):
    """Return the problems of what a search would give its keys, found by reading the recipe with each of the values.

    Keys that do not go together are none: which go with which is known only when all have their values.
    """
    refused = []
    for path, place, value in candidates(search):
        found = []
        changed = {**apply_overrides(mapping, {path: value}, found), "tune": {}}
        found += _unknown_names(build(Recipe, changed, "", found))
        own = [each for each in found if each.startswith(path) and each not in problems]
        refused += [f"tune.{place}: {each}" for each in own]
    return refused
