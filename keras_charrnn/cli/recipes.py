__doc__ = """List the recipes that come with the package, or copy one to edit it.

`keras-charrnn train NAME` trains one, unless there is a file of that name.
"""


def add_arguments(parser):
    parser.add_argument("--copy", metavar="NAME", help="write this recipe to NAME.yaml, here")


def run(options):
    import rich.box
    import rich.table

    from keras_charrnn.common import ready
    from keras_charrnn.common.screen import Screen, cell

    if options.copy is not None:
        _copy(options.copy)
        return
    table = rich.table.Table("recipe", "what it is", "expect", box=rich.box.SIMPLE_HEAD)
    for name in ready.recipes():
        table.add_row(cell(name), *map(cell, ready.about_recipe(name)))
    Screen().print(table)


def _copy(name):
    """Write a recipe into the current folder.

    Raises:
        SettingsError: If there is none of the name, or a file is there.
    """
    from keras_charrnn.common import ready
    from keras_charrnn.common.files import user_path, write_text
    from keras_charrnn.common.importing import suggest
    from keras_charrnn.common.screen import Screen, say
    from keras_charrnn.common.shell import command_line, quote
    from keras_charrnn.errors import SettingsError

    if name not in ready.recipes():
        raise SettingsError(
            f"there is no recipe {name!r}{suggest(name, ready.recipes())} (recipes: {', '.join(ready.recipes())})"
        )
    output = user_path(f"{name}.yaml")
    if output.exists():
        raise SettingsError(f"{output} exists already; remove it, or copy the recipe in another folder")
    write_text(output, (ready.RECIPES / output.name).read_text(encoding="utf-8"))
    say(Screen(), f"{quote(output)}\n{command_line('train', output)}")
