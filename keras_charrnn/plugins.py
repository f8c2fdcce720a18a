"""Plugins: files, modules and installed packages that the user named or installed, and whose import registers cells."""

import contextlib
import contextvars
import hashlib
import importlib
import importlib.util
import inspect
import os
import pathlib
import re
import sys
import traceback

from keras_charrnn.common.files import user_path
from keras_charrnn.common.siblings import find_last, find_siblings
from keras_charrnn.errors import CharRNNError, PluginError, RegistryError

FILE_MODULE = "keras_charrnn_plugin_"  # begins the name of a module made of a plugin's file
_importing = contextvars.ContextVar("importing", default=None)


def is_plugin_file(plugin):
    """Whether a plugin's name is the path of a file or folder, not the name of a module."""
    return plugin.endswith(".py") or "/" in plugin


def importing():
    """Return the plugin that is being imported, which registers what is registered now; None for none."""
    return _importing.get()


def plugin_of(cls):
    """Return the file or module that must be imported for a class to be there; None for the package's own."""
    top = cls.__module__.partition(".")[0]
    if top == __package__:
        return None
    if top == "keras":  # the class is there without, but not its name
        return "the program that made it"
    module = sys.modules.get(cls.__module__)
    is_file = cls.__module__ == "__main__" or cls.__module__.startswith(FILE_MODULE)
    if not is_file:
        return cls.__module__
    file = getattr(module, "__file__", None) or ""  # "<stdin>" of a program that came from there
    return file if file.endswith(".py") or pathlib.Path(file).is_file() else "an interactive session"


def locate(plugin, folder="."):
    """Return a plugin's name as it holds in any folder: the whole path of a file or package, or a module's name.

    Args:
        plugin: As `load_plugin` takes it.
        folder: Where a relative path starts. A module that Python does not find elsewhere is the file or the package of
            its name in it.

    Raises:
        SettingsError: If nothing can have such a path.
    """
    folder = pathlib.Path.cwd() / folder
    if is_plugin_file(plugin):
        return str(user_path(folder / user_path(plugin)))
    if plugin.isidentifier() and plugin not in sys.modules:
        beside = next(filter(pathlib.Path.exists, (folder / f"{plugin}.py", folder / plugin / "__init__.py")), None)
        spec = importlib.util.find_spec(plugin)
        if beside is not None and (spec is None or spec.origin in (None, str(beside))):
            return str(beside)
    return plugin


def load_plugin(plugin, folder="."):
    """Import a plugin that the user named, so that what it registers can be found.

    Args:
        plugin: The name of a module that can be imported ("my_package.cells"), in the current folder too, or the path
            of a Python file ("my_cell.py") or of a package's folder. A file may import the modules beside it.
        folder: Where a relative path starts: the recipe's folder.

    Raises:
        RegistryError: If there is no such file or module.
        PluginError: If importing it fails; with the plugin's own file and line.
    """
    located = locate(plugin, folder)
    if is_plugin_file(located):
        path = _file_of(located)
        if not path.is_file():
            raise RegistryError(
                f"plugin {plugin!r}: there is no file {path}; paths start from the recipe's folder. For a "
                "run whose plugin has moved since, name its new place with --plugin"
            )
        with _naming(f"plugin {plugin!r}", [path.parent], str(path)):
            _import_file(path)
        return
    find_last(".")
    with _naming(f"plugin {plugin!r}", _folders(plugin), plugin):
        try:
            importlib.import_module(plugin)
        except ModuleNotFoundError as error:
            if not f"{plugin}.".startswith(f"{error.name}."):
                raise  # the module is there, and imports another one that is not
            raise RegistryError(f"plugin {plugin!r}: {error}; install it, or name a file ending in .py") from error


def load_plugins(plugins):
    """Import plugins that a caller named, one or several; return their names, located, and errors as `load_plugin`."""
    plugins = list(map(os.fspath, [plugins] if isinstance(plugins, str | os.PathLike) else plugins))
    located = list(map(locate, plugins))
    for plugin in plugins:
        load_plugin(plugin)
    return located


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
    files = [each for each in plugins if is_plugin_file(each)]
    loaded = next((_module_name(_file_of(each)) for each in files if pathlib.Path(each).stem == module), module)
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
    with _naming(describe_entry_point(point), _folders(point.module), point.module):
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
def _naming(plugin, own, imported):
    """Let a plugin be the one that is being imported; turn whatever that raises into an error with plugin and place.

    What it prints goes to standard error: standard output may be a model's text, or JSON.
    """
    token = _importing.set(imported)
    try:
        with contextlib.redirect_stdout(sys.stderr):
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
        advice = ""
        if isinstance(error, ImportError) and str(error).startswith("attempted relative import"):
            advice = "; a file is no package: leave out the dot, or name the folder with its __init__.py as the plugin"
        raise PluginError(f"{plugin}: {_at(error, own)}{type(error).__name__}: {error}{advice}") from error
    finally:
        _importing.reset(token)


def _at(error, own):
    place = where_raised(error, own)
    return f"{place}: " if place else ""


def _file_of(plugin):
    """Return the file that is imported of a plugin's file or folder."""
    path = pathlib.Path(plugin).resolve()
    return path / "__init__.py" if path.is_dir() else path


def _module_name(path):
    stem = re.sub(r"\W", "_", path.stem)  # a dot would make it a part of another module
    return f"{FILE_MODULE}{stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"


def _import_file(path):
    """Import a file once, as a module of its own whose name is stable from process to process."""
    name = _module_name(path)
    if name in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None:
        raise ImportError(f"{path} is no Python file")
    find_siblings(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
