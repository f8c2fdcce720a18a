__doc__ = """List the registered cells, or check that cells have all properties that the package relies on.

Exit status 1 if a checked cell lacks any. A plugin that cannot be imported is listed as broken.
"""

from keras_charrnn.cli.table import print_summaries


def add_arguments(parser):
    parser.add_argument("--plugin", metavar="FILE", action="append", default=[], help="module or file to import first")
    parser.add_argument("--check", metavar="NAME", action="append", default=[], help="check this cell, in some seconds")


def run(options):
    from keras_charrnn.cli.quiet import quiet_tensorflow

    with quiet_tensorflow(options.debug):
        from keras_charrnn import registry
        from keras_charrnn.errors import PluginError

        registry.cells.names()
    broken = []
    for plugin in options.plugin:
        try:
            registry.load_plugin(plugin)
        except PluginError as error:
            if options.check:
                raise
            broken.append((plugin, error))
    if options.check:
        _check(options.check)
    else:
        print_summaries(registry.cells, broken)


def _check(names):
    """Print a table of the properties of each cell.

    Raises:
        CheckError: If any is lacking.
    """
    import rich.box
    import rich.table

    from keras_charrnn import registry, testing
    from keras_charrnn.common.screen import Screen, visible
    from keras_charrnn.errors import CheckError

    for name in names:
        registry.cells.get(name)  # a name that is none, before anything is checked
    failures = []
    for name in names:
        table = rich.table.Table(visible(name), "", "", box=rich.box.SIMPLE_HEAD)
        for result in testing.examine(name):
            table.add_row(result.name, result.status, _words(result))
            if result.fault:
                failures.append(f"{name}: {result.name}")
        Screen().print(table)
    if failures:
        raise CheckError(" or ".join(names), failures)


def _words(result):
    from keras_charrnn.common.screen import cell

    if not result.fault:
        return cell(result.reason, "dim")
    fault = result.fault
    return cell(f"expected: {fault.expected}\nreceived: {fault.received}\nlikely cause: {fault.cause}")
