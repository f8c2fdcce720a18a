"""How a model shows itself in a notebook: a table of its layers."""

import html

_STYLE = "text-align:left;padding:0.2em 0.8em"


def html_of(model):
    """Return a model as a table in HTML: each layer with its kind, outputs and weights by shape, and their number.

    Shapes in letters: B batch, T time; the rest in numbers.
    """
    rows = [_row(*each) for each in _layers(model)]
    settings, total = model.get_config(), f"{model.count_params():,}"
    title = f"CharRNN: {settings['layers']} x {settings['cell']} {settings['units']}, {len(model.vocabulary)} symbols"
    return (
        f"<table><caption style='{_STYLE}'>{html.escape(title)}</caption>"
        f"<thead>{_row('layer', 'kind', 'output', 'weights', 'parameters', tag='th')}</thead>"
        f"<tbody>{''.join(rows)}{_row('all', '', '', '', total)}</tbody></table>"
    )


def _layers(model):
    """Yield name, kind, output's shape, weights' shapes and number of parameters of each part that has weights."""
    if model.embedding is not None:
        yield _part(model.embedding, model.embedding.output_dim)
    if model.ngrams is not None:
        yield _part(model.ngrams, model.ngrams.width)
    for block in model.blocks:
        width = block.recurrent.width
        for layer in (block.norm, block.recurrent, block.feed_forward_norm, block.feed_forward):
            if layer is not None:
                yield _part(layer, width)
    if model.norm is not None:
        yield _part(model.norm, width)
    symbols = len(model.vocabulary)
    if model.head is not None:
        yield _part(model.head, symbols)
    else:
        yield "head", "tied to the embedding", f"(B, T, {symbols})", str(tuple(model.output_bias.shape)), f"{symbols:,}"


def _part(layer, width):
    kind = type(layer.cell if hasattr(layer, "cell") else layer).__name__
    shapes = ", ".join(str(tuple(weight.shape)) for weight in layer.weights)
    count = sum(int(weight.shape.num_elements()) for weight in layer.weights)
    return layer.name, kind, f"(B, T, {width})", shapes, f"{count:,}"


def _row(*cells, tag="td"):
    return f"<tr>{''.join(f'<{tag} style={_STYLE!r}>{html.escape(each)}</{tag}>' for each in cells)}</tr>"
