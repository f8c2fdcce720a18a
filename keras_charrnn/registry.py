"""Named registries: what a recipe or the command line may name.

A registry maps short names to classes. Names come from three places: the package's own modules, imported at the first
look-up; installed packages with an entry point in the registry's group; and plugins that the user names.
"""

import importlib
import importlib.metadata
import inspect
import pathlib
import sys

from keras_charrnn.common.importing import suggest
from keras_charrnn.errors import PluginError, RegistryError
from keras_charrnn.plugins import (
    describe_entry_point,
    importing,
    is_plugin_file,
    load_callback,  # noqa: F401  (with the other three, part of what this module offers)
    load_entry_point,
    load_plugin,  # noqa: F401
    load_plugins,  # noqa: F401
    locate,  # noqa: F401
    plugin_of,
)


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
        self._entries, self._plugins = {}, {}

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
        if taken is None or importing() is not None:
            self._plugins[name] = importing()
        self._entries[name] = entry

    def get(self, name):
        """Return what is registered as `name`.

        Raises:
            RegistryError: If nothing is; the message has the nearest name and all the names there are.
            PluginError: If the installed package that announces the name cannot be imported, does not register it
                after all, or is not the only one.
        """
        self._import_provider()
        if name not in self._entries:
            points = self._entry_points(name)
            if not points:
                raise RegistryError(self.unknown(name))
            self._load(points)
        return self._entries[name]

    def unknown(self, name):
        """Return the message for a name that nothing has."""
        names = self.names()
        return (
            f"unknown {self.kind} {name!r}{suggest(name, names)} (registered: {', '.join(names)}; a {self.kind} of "
            "your own is registered by the file that the recipe's `plugins:`, or for a run --plugin, names)"
        )

    def require(self, name, plugin, package=None):
        """See to it that what a saved model names is registered.

        Args:
            name: Of it.
            plugin: Name of the module that registers it; None for this package.
            package: Name of the installed package that the module belongs to; None for none that is known.

        Raises:
            RegistryError: If it is not; the message names what to import or to install.
        """
        if plugin is None or name in self:
            return
        where = f"the model's {self.kind} {name!r} is registered by {plugin}"
        if package is not None:
            raise RegistryError(f"{where}, of the package {package!r}, which is not installed; install it with pip")
        if is_plugin_file(plugin) and not pathlib.Path(plugin).exists():
            raise RegistryError(f"{where}, which is not there any more; name its new place with --plugin")
        raise RegistryError(
            f"{where}, which has not been imported; import it before loading the model, or name it with --plugin"
        )

    def names(self):
        """Return all names, in alphabetical order, those of installed plugins included."""
        self._import_provider()
        return sorted({*self._entries, *(point.name for point in self._entry_points())})

    def name_of(self, entry):
        """Return the name under which `entry` is registered, or None."""
        self._import_provider()
        return next((name for name, each in self._entries.items() if each is entry), None)

    def plugin_of(self, entry):
        """Return the plugin that registered an entry, whoever wrote it; without one what `plugins.plugin_of` says."""
        return self._plugins.get(self.name_of(entry)) or plugin_of(entry)

    def __contains__(self, name):
        self._import_provider()
        return name in self._entries or bool(self._entry_points(name))  # which looks at every installed package

    def _import_provider(self):
        if self.provider:
            importlib.import_module(self.provider)

    def package_of(self, name):
        """Return the name of the installed package that announces `name`, or None."""
        return next((point.dist.name for point in self._entry_points(name) if point.dist), None)

    def shadowed(self):
        """Return (name, message) for each installed plugin whose name something else has already."""
        self._import_provider()
        clashes = []
        for point in self._entry_points():
            taken = self._entries.get(point.name)
            if taken is not None and taken.__module__.partition(".")[0] != point.module.partition(".")[0]:
                message = f"{describe_entry_point(point)}: the name is taken: {_describe(taken)} has it"
                clashes.append((point.name, message))
        return clashes

    def _entry_points(self, name=None):
        if not self.group:
            return []
        return [*importlib.metadata.entry_points(group=self.group, **({} if name is None else {"name": name}))]

    def _load(self, points):
        """Import the one installed plugin that announces a name."""
        point, *others = points
        if others:
            raise PluginError(
                f"the {self.kind} name {point.name!r} is announced twice, by {describe_entry_point(point)} and "
                f"{describe_entry_point(others[0])}; uninstall one of the packages"
            )
        load_entry_point(point)
        if point.name not in self._entries:
            raise PluginError(
                f"{describe_entry_point(point)} registers no {self.kind} {point.name!r}; it must import a module with "
                f"@keras_charrnn.register_{self.kind}({point.name!r})"
            )


def _same_class(one, other):
    """Whether `other` is `one` defined again: a notebook cell run twice, a program that is also the recipe's plugin."""
    return (_home(one), one.__qualname__) == (_home(other), other.__qualname__)


def _home(entry):
    """Return the file of an entry's module, which may have been imported under two names."""
    return getattr(sys.modules.get(entry.__module__), "__file__", None) or entry.__module__


def _describe(entry):
    return f"{entry.__module__}.{entry.__qualname__}"


cells = Registry("cell", provider="keras_charrnn.cells", group="keras_charrnn.cells")
corpora = Registry("corpus", provider="keras_charrnn.text.corpora")
samplers = Registry("sampler", "keras_charrnn.model.sampling", "keras_charrnn.samplers")
vocabularies = Registry("vocabulary", "keras_charrnn.text.vocabularies", "keras_charrnn.vocabularies")


def register_cell(name):
    """Class decorator that registers a cell under `name`, here and with Keras for saving.

    Args:
        name: Lower-case letters, digits and underscores; what a recipe's `model.cell` says.

    Example:
        @keras_charrnn.register_cell("my_cell")
        class MyCell(keras_charrnn.GatedCell): ...

    Raises:
        RegistryError: If the name is taken by another class, or the class is no cell or lacks a method of one.
    """
    import keras  # here, so that reading a recipe does not need Keras

    def register(cls):
        if fault := _fault_of_cell(cls, keras.layers):
            raise RegistryError(f"{cls!r} cannot be the cell {name!r}: {fault}")
        cells.register(name, cls)
        if keras.saving.get_registered_name(cls) == cls.__name__:  # not registered with Keras yet
            keras.saving.register_keras_serializable(package="keras_charrnn", name=name)(cls)
        return cls

    return register


def _fault_of_cell(cls, layers):
    """Return what keeps a class from being a cell, or ""."""
    if not (isinstance(cls, type) and issubclass(cls, layers.Layer)):
        return (
            "a cell is a class derived from keras_charrnn.GatedCell, keras_charrnn.RecurrentCell or a Keras cell such "
            "as keras.layers.LSTMCell"
        )
    missing = [name for name in ("combine", "call", "coefficients") if _is_abstract(cls, name)]
    if missing:
        return f"it lacks the method {missing[0]}, in which a cell's equations stand"
    if issubclass(cls, layers.RNN):
        return "it runs over time; register the cell that makes one step"
    arguments = [each for each in inspect.signature(cls.call).parameters if each not in ("self", "training", "mask")]
    if len(arguments) < 2:
        return "a cell's method call takes inputs and states, as in call(inputs, states, training=False)"
    return ""


def _is_abstract(cls, method):
    return getattr(inspect.getattr_static(cls, method, None), "__isabstractmethod__", False)


def register_corpus(name):
    """Decorator that registers a function `(max_bytes) -> keras_charrnn.corpora.Text` as the corpus `name`.

    Args:
        name: Lower-case letters, digits and underscores; what a recipe's `corpus.name` says.

    Example:
        @keras_charrnn.register_corpus("songs")
        def songs(max_bytes=None):
            return keras_charrnn.corpora.from_text("songs", text, "where it came from")

    Raises:
        RegistryError: If the name is taken.
    """

    def register(function):
        corpora.register(name, function)
        return function

    return register
