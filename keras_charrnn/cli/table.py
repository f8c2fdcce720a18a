"""Tables of what is registered."""

import inspect


def print_summaries(registry, broken=()):
    """Print each registered name with the first line of its docstring, or with what is wrong with it.

    Args:
        registry: A `Registry`.
        broken: Further rows (name, error), of plugins that could not be imported.
    """
    import rich.box
    import rich.table

    from keras_charrnn.common.screen import Screen, cell
    from keras_charrnn.errors import RegistryError

    table = rich.table.Table(registry.kind, "what it is", box=rich.box.SIMPLE_HEAD)
    broken = [*registry.shadowed(), *broken]
    for name in registry.names():
        try:
            summary = (inspect.getdoc(registry.get(name)) or "").partition("\n")[0]
        except RegistryError as error:
            broken.append((name, error))
        else:
            table.add_row(cell(name), cell(summary))
    for name, error in broken:
        table.add_row(cell(name), cell(f"broken: {error}"))
    Screen().print(table)
