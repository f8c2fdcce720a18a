__doc__ = """List the registered corpora."""

from keras_charrnn.cli.table import print_summaries


def add_arguments(parser):
    pass


def run(options):
    from keras_charrnn import registry

    print_summaries(registry.corpora)
