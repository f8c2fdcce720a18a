"""Requests' bodies, and answers, of whatever kind."""

import contextlib
import json

from starlette.responses import JSONResponse, Response

from keras_charrnn.errors import CharRNNError
from keras_charrnn.views.serving.fields import BadRequest

LARGEST = 1_000_000  # bytes of a request


async def body_of(request):
    content, size = b"", 0
    async for piece in request.stream():
        size += len(piece)
        content = content + piece if size <= LARGEST else b""
        if size > 16 * LARGEST:  # what is a little too large is read to its end: its client hears the answer then
            break
    if size > LARGEST:
        raise BadRequest(f"the body has more than {LARGEST:,} bytes", 413)
    return content


@contextlib.contextmanager
def problems_told():
    try:
        yield
    except CharRNNError as error:
        raise BadRequest(" ".join(str(error).split())) from None


def dumped(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def json_answer(value):
    return Response(dumped(value), media_type="application/json")


def error_of(message, status):
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def problem(message, status):
    return JSONResponse(error_of(message, status), status_code=status)


async def refused(request, error):
    return problem(str(error), error.status)


async def missing(request, error):
    status = getattr(error, "status_code", 404)
    return problem("there is no such address; GET /openapi.json lists them", status)


async def broken(request, error):
    return problem("the server could not answer this", 500)
