"""Plugins: files, modules and installed packages that the user named or installed, and whose import registers cells."""

import contextlib
import hashlib
import importlib
import importlib.util
import inspect
import pathlib
import sys
import traceback

from keras_charrnn.common.files import user_path
from keras_charrnn.errors import CharRNNError, PluginError, RegistryError

FILE_MODULE = "keras_charrnn_plugin_"  # begins the name of a module made of a plugin's file


def is_plugin_file(plugin):
    """Whether a plugin's name is the path of a file, not the name of a module."""
    return plugin.endswith(".py") or "/" in plugin


def plugin_of(cls):
    """Return the file or module that must be imported for a class to be there; None for the package's own."""
    if cls.__module__.partition(".")[0] == __package__:
        return None
    module = sys.modules.get(cls.__module__)
    is_file = cls.__module__ == "__main__" or cls.__module__.startswith(FILE_MODULE)
    return getattr(module, "__file__", None) or "an interactive session" if is_file else cls.__module__


def load_plugin(plugin, folder="."):
    """Import a plugin that the user named, so that what it registers can be found.

    Args:
        plugin: The name of a module that can be imported ("my_package.cells"), or the path of a Python file
            ("my_cell.py").
        folder: Where a relative path starts: the recipe's folder.

    Raises:
        RegistryError: If there is no such file or module.
        PluginError: If importing it fails; with the plugin's own file and line.
    """
    if is_plugin_file(plugin):
        path = (pathlib.Path(folder) / user_path(plugin)).resolve()
        if not path.is_file():
            raise RegistryError(f"plugin {plugin!r}: there is no file {path}; paths start from the recipe's folder")
        with _naming(f"plugin {plugin!r}", [path.parent]):
            _import_file(path)
        return
    with _naming(f"plugin {plugin!r}", _folders(plugin)):
        try:
            importlib.import_module(plugin)
        except ModuleNotFoundError as error:
            if not f"{plugin}.".startswith(f"{error.name}."):
                raise  # the module is there, and imports another one that is not
            raise RegistryError(f"plugin {plugin!r}: {error}; install it, or name a file ending in .py") from error


def load_callback(path, plugins=()):
    """Import a Keras callback that the user named.

    Args:
        path: Of its class: "keras.callbacks.TerminateOnNaN". A class in a plugin's file my_file.py is my_file.Class.
        plugins: The recipe's plugins, imported already.

    Returns:
        The class.

    Raises:
        RegistryError: If there is no such module or class, or it is no Keras callback.
        PluginError: If importing the module fails.
    """
    import keras  # here, so that reading a recipe does not need Keras

    module, _, name = path.rpartition(".")
    files = [pathlib.Path(each).resolve() for each in plugins if is_plugin_file(each)]
    loaded = next((_module_name(each) for each in files if each.stem == module), module)
    if loaded == module:
        load_plugin(module)
    found = getattr(sys.modules[loaded], name, None)
    if not (isinstance(found, type) and issubclass(found, keras.callbacks.Callback)):
        what = "has no" if found is None else "has a thing, no Keras callback, of the name"
        raise RegistryError(f"the module {module} {what} {name}; a callback derives from keras.callbacks.Callback")
    return found


def load_entry_point(point):
    """Import what an installed package announces.

    Raises:
        PluginError: If that fails; with the package, and its own file and line.
    """
    with _naming(describe_entry_point(point), _folders(point.module)):
        point.load()


def describe_entry_point(point):
    """Return the words for an installed plugin in messages."""
    package = f"package {point.dist.name} {point.dist.version}, " if point.dist else ""
    return f"installed plugin {point.name!r} ({package}{point.value})"


def where_defined(function):
    """Return "file, line N" of a function's definition."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{code.co_filename}, line {code.co_firstlineno}" if code else "a place unknown"


def where_raised(error, own):
    """Return "file, line N" of the innermost place in some files and folders at which an error arose, or ""."""
    if isinstance(error, SyntaxError) and error.filename and pathlib.Path(error.filename).is_file():
        return f"{error.filename}, line {error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{each.filename}, line {each.lineno}" for each in frames if _is_in(each.filename, own)]
    return places[-1] if places else ""


def _is_in(filename, own):
    path = pathlib.Path(filename)
    # An environment may lie in the plugin's folder; what is installed there is not the plugin's.
    return any(path.is_relative_to(each) and "site-packages" not in path.relative_to(each).parts for each in own)


def _folders(module):
    """Return the folders, or the one file, of a module's outermost package."""
    try:
        spec = importlib.util.find_spec(module.partition(".")[0])
    except (ImportError, ValueError):
        return []
    if spec is None:
        return []
    return list(spec.submodule_search_locations or filter(None, [spec.origin]))


@contextlib.contextmanager
def _naming(plugin, own):
    """Turn whatever a plugin's import raises into an error that says which plugin, where and what."""
    try:
        yield
    except RegistryError as error:
        if str(error).startswith(plugin):
            raise  # our own word on it
        raise PluginError(f"{plugin}: {_at(error, own)}{error}") from error
    except CharRNNError as error:
        raise PluginError(f"{plugin}: {_at(error, own)}{error}") from error
    except ModuleNotFoundError as error:
        advice = f"; install it (the package {error.name.partition('.')[0]!r})" if error.name else ""
        raise PluginError(f"{plugin}: {_at(error, own)}{error}{advice}") from error
    except (Exception, SystemExit) as error:  # a plugin may raise anything, and end a program that is no plugin's
        raise PluginError(f"{plugin}: {_at(error, own)}{type(error).__name__}: {error}") from error


def _at(error, own):
    place = where_raised(error, own)
    return f"{place}: " if place else ""


def _module_name(path):
    return f"{FILE_MODULE}{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _import_file(path):
    """Import a file once, as a module of its own whose name is stable from process to process."""
    name = _module_name(path)
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
