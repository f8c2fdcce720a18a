__doc__ = """Check a recipe, and show every key with its value and meaning."""


def add_arguments(parser):
    parser.add_argument(
        "recipe",
        metavar="RECIPE",
        nargs="?",
        help="a YAML file, or - for standard input; without one, the keys and defaults",
    )


def run(options):
    import rich.box
    import rich.table

    from keras_charrnn.cli.quiet import quiet_tensorflow
    from keras_charrnn.common.files import name_of
    from keras_charrnn.common.screen import Screen, cell, say
    from keras_charrnn.recipe import describe_keys, read
    from keras_charrnn.recipe.checks import show
    from keras_charrnn.recipe.fights import refuse_fights

    values = {}
    if options.recipe:
        with quiet_tensorflow(options.debug):
            import keras_charrnn.cells  # noqa: F401

        plan = read(options.recipe)
        refuse_fights(plan, options.recipe)
        values = plan.to_mapping()
    key = rich.table.Column("key", no_wrap=True)  # whole, to be copied
    table = rich.table.Table(key, "value" if values else "default", "meaning", box=rich.box.SIMPLE_HEAD)
    for path, default, description, _ in describe_keys():
        section, _, key = path.partition(".")
        value = (values[section][key] if key else values[section]) if values else default
        table.add_row(path, cell(show(value)), cell(description))
    screen = Screen()
    screen.print(table)
    if options.recipe:
        say(screen, f"{name_of(options.recipe)} is fine")
