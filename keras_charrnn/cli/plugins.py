"""The argument of all commands that read a model."""


def add_plugin_argument(parser):
    parser.add_argument(
        "--plugin",
        metavar="FILE",
        action="append",
        default=[],
        help="registers the model's cell, unit or samplers; stands for the plugin of the same name in the run's recipe",
    )
