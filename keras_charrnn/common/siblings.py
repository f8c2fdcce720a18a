"""The modules that lie beside a file: it may import them, as a script may those beside it."""

import ast
import importlib.util
import pathlib
import sys
from importlib.machinery import PathFinder


def find_last(folder):
    """Let Python find the modules of a folder, after all others: what is installed keeps its name."""
    folder = str(pathlib.Path(folder).resolve())
    if folder not in sys.path:
        sys.path.append(folder)


def find_siblings(path):
    """Let a file import the modules beside it, at once or later.

    Args:
        path: Of the file; of a package, that of its `__init__.py`, beside whose folder its siblings are.

    Raises:
        ImportError: If it imports one, or a sibling of it does, for which Python would take another module: each name
            is that of one module in a process.
    """
    folder, files, own = path.parents[path.name == "__init__.py"], [path], {}
    find_last(folder)
    for file in files:  # which grows
        for base, names in _imports(file, folder) if file.suffix == ".py" else ():
            first = tuple(names[:2])
            if base == folder and first not in own:
                own[first] = _is_own(first, folder)
            if base != folder or own[first]:
                modules = [base.joinpath(*names[: end + 1]) for end in range(len(names))]
                found = [each for one in modules for each in (one.with_suffix(".py"), one / "__init__.py")]
                files += [each for each in found if each.is_file() and each not in files]


def _imports(file, folder):
    """Yield (folder, names) of each import of a file, wherever in it: the path of the module, or of what is in it."""
    for node in ast.walk(ast.parse(file.read_bytes(), str(file))):
        if isinstance(node, ast.ImportFrom):
            base = file.parents[node.level - 1] if node.level else folder
            module = node.module.split(".") if node.module else []
            yield from ((base, [*module, each.name]) for each in node.names)
        elif isinstance(node, ast.Import):
            yield from ((folder, each.name.split(".")) for each in node.names)


def _is_own(names, folder):
    """Return whether a module is that in a folder; raise an ImportError where it is to be, and another one is.

    What has a name of Python's own, or of an installed package and no `__init__.py`, is not meant. Of folders without
    one Python makes a single package.
    """
    name, *inner = names
    beside = None if name in sys.stdlib_module_names else PathFinder.find_spec(name, [str(folder)])
    if beside is None:
        return False
    taken = importlib.util.find_spec(name)
    if taken.origin and not beside.origin:
        return False
    places = _places(beside)
    others = [each for each in _places(taken) if each not in places]
    if not taken.origin:
        others = [
            each for each in others if inner and any((each / end).exists() for end in (f"{inner[0]}.py", inner[0]))
        ]
    if others:
        raise ImportError(
            f"it imports the module {name!r}, of which there are two, {places[0]} beside it and {others[0]}, and "
            "Python takes the second; give the first another name"
        )
    return True


def _places(spec):
    return [
        pathlib.Path(each).resolve() for each in ([spec.origin] if spec.origin else spec.submodule_search_locations)
    ]
