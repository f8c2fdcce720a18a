"""Show a run on one page: losses, samples, text and machine."""


def add_arguments(parser):
    parser.add_argument("path", metavar="RUN", help="a run's folder")
    parser.add_argument("--png", action="store_true", help="also write each plot to RUN/plots/ as a PNG")


def run(options):
    from keras_charrnn.views.report import write_plots, write_report

    print(f"report in {write_report(options.path)}")
    if options.png:
        for path in write_plots(options.path):
            print(f"plot in {path}")
