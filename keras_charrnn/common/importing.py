"""How the package is imported: TensorFlow quickly, modules by their public names, misspelt ones with the nearest."""

import contextlib
import difflib
import gc
import importlib
import importlib.abc
import importlib.machinery
import sys


@contextlib.contextmanager
def uncollected():
    """Do without the garbage collector in what leaves no garbage, an import or the tracing of a graph.

    With TensorFlow it has a million objects to look through each time. What an import of TensorFlow within has made is
    never looked through again.
    """
    imported, wanted = "tensorflow" in sys.modules, gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if wanted:
            gc.enable()
            if "tensorflow" in sys.modules and not imported:
                gc.freeze()


def suggest(name, names):
    """Return ", did you mean 'x'?" for the nearest of `names`, in whatever case, or "" where none is near."""
    folded = {str(each).casefold(): str(each) for each in names}
    near = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=0.6)
    return f", did you mean {folded[near[0]]!r}?" if near else ""


class PublicNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Lets modules be imported as `package.name`, wherever in the package they are: the very same modules.

    Args:
        package: The package's name.
        homes: Mapping from a name to where the module is in the package: {"callbacks": "training.callbacks"}. What is
            in such a module is found by the same name: `package.callbacks.samples`.
    """

    def __init__(self, package, homes):
        self._package, self._homes = package, homes

    def find_spec(self, fullname, path=None, target=None):
        package, _, name = fullname.partition(".")
        if package == self._package and name.partition(".")[0] in self._homes:
            return importlib.machinery.ModuleSpec(fullname, self)
        return None

    def create_module(self, spec):
        name, dot, rest = spec.name.removeprefix(f"{self._package}.").partition(".")
        module = importlib.import_module(f"{self._package}.{self._homes[name]}{dot}{rest}")
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module):
        public = module.__spec__.name  # Python has put it in the place of the module's own
        module.__spec__ = module.__spec__.loader_state
        # What is in it has public names now: imported by them later, Python would put each module into the package once
        # more, in the place of a function of the same name.
        for name in [each for each in sys.modules if each.startswith(f"{module.__name__}.")]:
            sys.modules[public + name.removeprefix(module.__name__)] = sys.modules[name]


class NearestName(importlib.abc.MetaPathFinder):
    """Asked last, for what nobody has found: says which public name of the package is nearest.

    Args:
        package: The package's name.
    """

    def __init__(self, package):
        self._package = package

    def find_spec(self, fullname, path=None, target=None):
        parent, _, name = fullname.rpartition(".")
        if f"{parent}.".startswith(f"{self._package}."):
            near = suggest(name, getattr(sys.modules.get(parent), "__all__", ()))
            if near:
                raise ModuleNotFoundError(f"the module {parent!r} has no {name!r}{near}")
        return None
