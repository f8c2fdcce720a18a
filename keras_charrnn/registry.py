"""Named registries: what a recipe or the command line may name.

A registry maps short names to classes. Names come from three places: the package's own modules, imported at the first
look-up; installed packages with an entry point in the registry's group; and plugins that the user names.
"""

import difflib
import hashlib
import importlib
import importlib.metadata
import importlib.util
import pathlib
import sys

from keras_charrnn.errors import RegistryError

FILE_MODULE = "keras_charrnn_plugin_"  # begins the name of a module made of a plugin's file


def suggest(name, names):
    """Return ", did you mean 'x'?" for the nearest of `names`, or "" where none is near."""
    near = difflib.get_close_matches(str(name), [str(each) for each in names], n=1, cutoff=0.6)
    return f", did you mean {near[0]!r}?" if near else ""


class Registry:
    """Names and what they stand for.

    Args:
        kind: What is registered, in the singular, for messages: "cell".
        provider: Module whose import registers the package's own entries.
        group: Entry-point group in which installed packages announce entries: each entry point's name is the
            registered name and its value the module or class whose import registers it.
    """

    def __init__(self, kind, provider=None, group=None):
        self.kind, self.provider, self.group = kind, provider, group
        self._entries = {}

    def register(self, name, entry):
        """Enter `entry` under `name`.

        Raises:
            RegistryError: If the name is not a lower-case identifier, or something else has it already.
        """
        if not (isinstance(name, str) and name.isidentifier() and name == name.lower()):
            raise RegistryError(
                f"{name!r} cannot name a {self.kind}: use lower-case letters, digits and underscores, as in "
                f"'my_{self.kind}'"
            )
        taken = self._entries.get(name)
        if taken is not None and not _same_class(taken, entry):
            raise RegistryError(
                f"the {self.kind} name {name!r} is taken: {_describe(taken)} has it, {_describe(entry)} asks for it; "
                "choose another name"
            )
        self._entries[name] = entry

    def get(self, name):
        """Return what is registered as `name`.

        Raises:
            RegistryError: If nothing is; the message has the nearest name and all the names there are.
        """
        self._import_provider()
        if name not in self._entries and name in (points := self._entry_points()):
            self._load_entry_point(points[name])
        if name not in self._entries:
            raise RegistryError(self.unknown(name))
        return self._entries[name]

    def unknown(self, name):
        """Return the message for a name that nothing has."""
        names = self.names()
        return (
            f"unknown {self.kind} {name!r}{suggest(name, names)} (registered: {', '.join(names)}; "
            f"a {self.kind} of your own is registered by the file that the recipe's `plugins:` names)"
        )

    def names(self):
        """Return all names, in alphabetical order, those of installed plugins included."""
        self._import_provider()
        return sorted({*self._entries, *self._entry_points()})

    def name_of(self, entry):
        """Return the name under which `entry` is registered, or None."""
        self._import_provider()
        return next((name for name, each in self._entries.items() if each is entry), None)

    def __contains__(self, name):
        return name in self.names()

    def _import_provider(self):
        if self.provider:
            importlib.import_module(self.provider)

    def _entry_points(self):
        return {point.name: point for point in importlib.metadata.entry_points(group=self.group)} if self.group else {}

    def _load_entry_point(self, point):
        try:
            point.load()
        except Exception as error:  # a plugin may raise anything
            raise RegistryError(
                f"the installed plugin {point.name!r} ({point.value}) failed to import: {type(error).__name__}: {error}"
            ) from error


def _same_class(one, other):
    """Whether `other` is `one` defined again: a notebook cell run twice, a plugin imported twice."""
    return (one.__module__, one.__qualname__) == (other.__module__, other.__qualname__)


def _describe(entry):
    return f"{entry.__module__}.{entry.__qualname__}"


cells = Registry("cell", provider="keras_charrnn.cells", group="keras_charrnn.cells")
corpora = Registry("corpus", provider="keras_charrnn.corpora")


def register_cell(name):
    """Class decorator that registers a cell under `name`, here and with Keras for saving.

    Example:
        @keras_charrnn.register_cell("my_cell")
        class MyCell(keras_charrnn.GatedCell): ...

    Raises:
        RegistryError: If the name is taken by another class, or the class is no Keras layer.
    """
    import keras  # here, so that reading a recipe does not need Keras

    def register(cls):
        if not (isinstance(cls, type) and issubclass(cls, keras.layers.Layer)):
            raise RegistryError(
                f"{cls!r} cannot be the cell {name!r}: a cell is a class derived from keras_charrnn.GatedCell, "
                "keras_charrnn.RecurrentCell or a Keras cell"
            )
        cells.register(name, cls)
        if keras.saving.get_registered_name(cls) == cls.__name__:  # not registered with Keras yet
            keras.saving.register_keras_serializable(package="keras_charrnn", name=name)(cls)
        return cls

    return register


def register_corpus(name):
    """Decorator that registers a function `(max_bytes) -> keras_charrnn.corpora.Text` as the corpus `name`.

    Raises:
        RegistryError: If the name is taken.
    """

    def register(function):
        corpora.register(name, function)
        return function

    return register


def plugin_of(cls):
    """Return the file or module that must be imported for a class to be there; None for the package's own."""
    if cls.__module__.partition(".")[0] == __package__:
        return None
    module = sys.modules.get(cls.__module__)
    is_file = cls.__module__ == "__main__" or cls.__module__.startswith(FILE_MODULE)
    return getattr(module, "__file__", None) or "an interactive session" if is_file else cls.__module__


def is_plugin_file(plugin):
    """Whether a plugin's name is the path of a file, not the name of a module."""
    return plugin.endswith(".py") or "/" in plugin


def load_plugin(plugin, folder="."):
    """Import a plugin that the user named, so that what it registers can be found.

    Args:
        plugin: The name of a module that can be imported ("my_package.cells"), or the path of a Python file
            ("my_cell.py").
        folder: Where a relative path starts: the recipe's folder.

    Raises:
        RegistryError: If there is no such file or module, or importing it fails; with the plugin's own file and line.
    """
    path = pathlib.Path(folder, plugin).expanduser()
    is_file = is_plugin_file(plugin)
    if is_file and not path.is_file():
        raise RegistryError(f"plugin {plugin!r}: there is no file {path}; paths start from the recipe's folder")
    try:
        if is_file:
            _import_file(path.resolve())
        else:
            importlib.import_module(plugin)
    except RegistryError:
        raise
    except ModuleNotFoundError as error:
        raise RegistryError(f"plugin {plugin!r}: {error}; install it, or name a file ending in .py") from error
    except Exception as error:  # a plugin may raise anything
        raise RegistryError(f"plugin {plugin!r}: {_where(error, plugin)}{type(error).__name__}: {error}") from error


def _import_file(path):
    """Import a file once, as a module of its own whose name is stable from process to process."""
    name = f"{FILE_MODULE}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise


def _where(error, plugin):
    """Return "file, line N: " for the place in the plugin where an error arose."""
    if isinstance(error, SyntaxError):
        return f"{error.filename}, line {error.lineno}: "
    trace, place = error.__traceback__, ""
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if pathlib.Path(filename).name == pathlib.Path(plugin).name:
            place = f"{filename}, line {trace.tb_lineno}: "
        trace = trace.tb_next
    return place
