"""Tables of what is registered."""

import inspect


def print_summaries(registry):
    """Print each registered name with the first line of its docstring, or with what is wrong with it."""
    import rich.box
    import rich.console
    import rich.markup
    import rich.table

    from keras_charrnn.errors import RegistryError

    table = rich.table.Table(registry.kind, "what it is", box=rich.box.SIMPLE_HEAD)
    for name in registry.names():
        try:
            summary = (inspect.getdoc(registry.get(name)) or "").partition("\n")[0]
        except RegistryError as error:
            summary = f"broken: {error}"
        table.add_row(name, rich.markup.escape(summary))
    rich.console.Console().print(table)
