"""The server's interface in the words of OpenAPI."""

from keras_charrnn.views.serving.fields import CAUSES, COMPLETION, LOOK, SCORE

_POSTS = {
    "/v1/completions": ("Make text; with stream, as server-sent events", COMPLETION),
    "/score": ("How surprising a text is", SCORE),
    "/look": ("What a model makes of a text: surprise, alternatives, a unit's activity", LOOK),
    "/causes": ("How much a guess would change with each symbol before it", CAUSES),
}
_GETS = {
    "/": "The page to write with",
    "/v1/models": "The models",
    "/health": "Whether the server is there",
    "/metrics": "Counters, as Prometheus reads them",
}


def describe(models):
    """Return the description, a mapping."""
    from keras_charrnn import __version__

    answers = {
        "200": {"description": "done"},
        "4XX": {"description": "a mistake in the request, in one sentence: error.message"},
        "503": {"description": "too many requests, or a model that is not there"},
    }
    paths = {path: {"get": {"summary": about, "responses": {"200": {"description": "done"}}}}
             for path, about in _GETS.items()}  # fmt: skip
    for path, (about, fields) in _POSTS.items():
        schema = {
            "type": "object",
            "additionalProperties": False,
            "properties": {name: field.schema for name, field in fields.items()},
            "required": [name for name, field in fields.items() if field.needed],
        }
        schema["properties"]["model"] = {**schema["properties"]["model"], "enum": models}
        content = {"application/json": {"schema": schema}}
        body = {"required": True, "content": content}
        paths[path] = {"post": {"summary": about, "requestBody": body, "responses": answers}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "keras_charrnn", "version": __version__},
        "paths": paths,
        "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
    }
