__doc__ = """List the trained models that come with the package.

Their names stand for them wherever a run's folder or a .keras file may be given, unless there is a file of that name.
"""


def add_arguments(parser):
    pass


def run(options):
    import rich.box
    import rich.table

    from keras_charrnn.common import ready
    from keras_charrnn.common.screen import Screen, cell, say

    table = rich.table.Table("model", "what it has learned", "nats", "bits", "MB", box=rich.box.SIMPLE_HEAD)
    for name, facts in ready.models().items():
        size = (ready.MODELS / f"{name}.keras").stat().st_size / 1e6
        figures = f"{facts['nats_per_character']:.4f}", f"{facts['bits_per_character']:.4f}", f"{size:.1f}"
        table.add_row(cell(name), cell(f"{facts['corpus']}, SHA-256 {facts['corpus_sha256'][:16]}…"), *figures)
    screen = Screen()
    screen.print(table)
    say(screen, "Per character of the validation split, which they have not learned, the state carried. Made by:")
    for facts in ready.models().values():
        say(screen, "\n".join(f"    {each}" for each in facts["commands"]))
