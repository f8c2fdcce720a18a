__doc__ = """Show a run on one page: losses, samples, text and machine."""


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder")
    parser.add_argument("--card", action="store_true", help="also write RUN/README.md, as model hubs show it")
    parser.add_argument("--png", action="store_true", help="also write each plot to RUN/plots/ as a PNG")


def run(options):
    from keras_charrnn.common.screen import Screen, say
    from keras_charrnn.common.shell import quote
    from keras_charrnn.views.report import write_card, write_plots, write_report

    screen = Screen()
    say(screen, f"report in {quote(write_report(options.path))}")
    if options.card:
        say(screen, f"card in {quote(write_card(options.path))}")
    if options.png:
        for path in write_plots(options.path):
            say(screen, f"plot in {quote(path)}")
