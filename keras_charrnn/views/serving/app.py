"""The server's answers: the page, completions, scores, looks into a model, health and metrics."""

import asyncio
import contextlib
import hmac
import json
import math
import time
import uuid

import numpy as np
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from keras_charrnn.errors import CharRNNError
from keras_charrnn.model.page import page_of, read_asset
from keras_charrnn.views.inspection.causes import causes
from keras_charrnn.views.inspection.properties import find_units
from keras_charrnn.views.inspection.trace import trace
from keras_charrnn.views.inspection.units import parse_unit
from keras_charrnn.views.serving.description import describe
from keras_charrnn.views.serving.fields import CAUSES, COMPLETION, IGNORED, LOOK, SCORE, BadRequest, read

LARGEST = 1_000_000  # bytes of a request
LOCAL = ("localhost", "127.0.0.1", "::1")


class App:
    """All answers.

    Args:
        shelf: A `Shelf`.
        token: What requests must bring; None for nothing.
        hosts: Names by which the server may be called, without one all: of other pages that a browser has open none
            gets at it by a name of its own.
    """

    def __init__(self, shelf, token=None, hosts=LOCAL):
        self.shelf, self._token, self._hosts, self._began = shelf, token, hosts, time.time()
        self._answered = {}
        routes = [
            Route("/", self._page),
            Route("/health", self._health),
            Route("/metrics", self._metrics),
            Route("/openapi.json", self._description),
            Route("/v1/models", self._models),
            Route("/v1/completions", self._completions, methods=["POST"]),
            Route("/score", self._score, methods=["POST"]),
            Route("/look", self._look, methods=["POST"]),
            Route("/causes", self._causes, methods=["POST"]),
        ]
        handlers = {BadRequest: _refused, 404: _missing, 405: _missing, 500: _broken, Exception: _broken}
        self._starlette = Starlette(routes=routes, exception_handlers=handlers)

    async def __call__(self, scope, receive, send):
        """Answer, where the caller may ask."""
        if scope["type"] != "http":
            await self._starlette(scope, receive, send)
            return
        problem = self._refusal(scope)
        if problem is not None:
            await _problem(*problem)(scope, receive, send)
            return

        async def count(message):
            if message["type"] == "http.response.start":
                key = scope["path"] if scope["path"] in _PATHS else "other", message["status"]
                self._answered[key] = self._answered.get(key, 0) + 1
            await send(message)

        with contextlib.suppress(ConnectionError):
            await self._starlette(scope, receive, count)

    def _refusal(self, scope):
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        host = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
        if self._hosts and host.strip("[]") not in self._hosts:
            return "this server answers to localhost alone; call it by that name", 403
        if scope["path"] in ("/", "/health"):  # the page has no text of anybody's in it
            return None
        if self._token is not None:
            given = headers.get("authorization", "").removeprefix("Bearer ")
            if not hmac.compare_digest(given.encode(), self._token.encode()):
                return "the token is missing or wrong: send the header Authorization: Bearer TOKEN", 401
        if scope["method"] == "POST" and not headers.get("content-type", "").startswith("application/json"):
            return "the body must be JSON: send the header Content-Type: application/json", 415
        return None

    async def _page(self, request):
        scripts = [read_asset("served.js")]
        title = self.shelf.names[0] if len(self.shelf.names) == 1 else "keras_charrnn"
        page = page_of(title, "\n".join(scripts), "; connect-src 'self'")
        return HTMLResponse(page, headers={"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"})

    async def _health(self, request):
        return JSONResponse({"status": "ok"})

    async def _description(self, request):
        return JSONResponse(describe(self.shelf.names))

    async def _models(self, request):
        listed = [
            {"id": name, "object": "model", "created": int(self._began), "owned_by": "keras_charrnn"}
            for name in self.shelf.names
        ]
        return JSONResponse({"object": "list", "data": listed})

    async def _metrics(self, request):
        lines = ["# TYPE keras_charrnn_responses_total counter"]
        for (path, status), count in sorted(self._answered.items()):
            lines.append(f'keras_charrnn_responses_total{{path="{path}",status="{status}"}} {count}')
        for name, served in self.shelf.served.items():
            label = json.dumps(name)
            for key, value in {**served.counts, "rows": served.rows, "waiting": served.waiting}.items():
                kind = "gauge" if key in ("rows", "waiting") else "counter"
                suffix = "" if kind == "gauge" else "_total"
                lines += [f"# TYPE keras_charrnn_{key}{suffix} {kind}",
                          f"keras_charrnn_{key}{suffix}{{model={label}}} {value:g}"]  # fmt: skip
        return PlainTextResponse("\n".join(lines) + "\n")

    async def _served(self, name):
        return await run_in_threadpool(self.shelf.get, name)

    async def _completions(self, request):
        asked = read(await _body(request), COMPLETION, IGNORED)
        served = await self._served(asked["model"])
        loop, news = asyncio.get_running_loop(), asyncio.Queue()

        def tell(items, problem):
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(news.put_nowait, (items, problem))

        settings = {name: asked[name] for name in _RULES if asked[name] is not None}
        work = served.ask(
            tell,
            prefix=asked["prompt"],
            length=asked["max_tokens"],
            stop=asked["stop"],
            num_samples=asked["n"],
            **settings,
        )
        completion = _Completion(asked, served)
        if asked["stream"]:
            return StreamingResponse(_streamed(request, completion, work, news), media_type="text/event-stream",
                                     headers={"Cache-Control": "no-store"})  # fmt: skip
        watcher = asyncio.ensure_future(_until_gone(request, work))
        try:
            async for _ in completion.take(news):
                if work.cancelled:
                    return Response(status_code=499)
        finally:
            work.cancelled = True
            watcher.cancel()
        return JSONResponse(await run_in_threadpool(completion.whole))

    async def _score(self, request):
        asked = read(await _body(request), SCORE)
        served = await self._served(asked["model"])
        with _problems_told():
            score = await run_in_threadpool(_alone, served, lambda: served.model.score(asked["text"]))
        return _json({
            "model": served.name, "nats_per_character": score.nats_per_character,
            "bits_per_character": score.bits_per_character, "perplexity": score.perplexity,
            "characters": len(score.nats), "nats": [float(each) for each in score.nats],
        })  # fmt: skip

    async def _look(self, request):
        asked = read(await _body(request), LOOK)
        served = await self._served(asked["model"])
        with _problems_told():
            return _json(await run_in_threadpool(_alone, served, lambda: _look_at(served, asked)))

    async def _causes(self, request):
        asked = read(await _body(request), CAUSES)
        served = await self._served(asked["model"])
        with _problems_told():
            found = await run_in_threadpool(
                _alone, served, lambda: causes(_inspectable(served), asked["text"], int(asked["place"]))
            )
        return _json({"causes": found.tolist()})


_PATHS = ("/", "/health", "/metrics", "/openapi.json", "/v1/models", "/v1/completions", "/score", "/look", "/causes")
_RULES = ("seed", "temperature", "top_p", "top_k", "min_p", "no_repeat", "allow", "forbid", "pattern", "line_pattern")


class _Completion:
    """What there is of an answer."""

    def __init__(self, asked, served):
        self.id, self.created = f"cmpl-{uuid.uuid4().hex}", int(time.time())
        self._asked, self._served = asked, served
        self._texts = [asked["prompt"] if asked["echo"] else ""] * asked["n"]
        self._tokens, self._nats = ([[] for _ in range(asked["n"])] for _ in range(2))
        self._ends = [""] * asked["n"]

    async def take(self, news):
        """Yield the parts of the answer as they come, until all samples have ended.

        Raises:
            BadRequest: If the model cannot go on.
        """
        while not all(self._ends):
            items, problem = await news.get()
            if problem is not None:
                raise BadRequest(problem, 503)
            for number, text, ids, nats, ended in items:
                self._texts[number] += text
                self._tokens[number] += ids
                self._nats[number] += nats
                self._ends[number] = ended
            yield items

    def part(self, number, text, ids, nats, ended):
        """Return a part of it as an event has it."""
        found = None if self._asked["logprobs"] is None else self._figures(ids, nats, None)
        choice = {"index": number, "text": text, "logprobs": found, "finish_reason": _finish(ended)}
        return {**self._frame(), "choices": [choice]}

    def whole(self):
        """Return all of it."""
        choices = []
        for number, text in enumerate(self._texts):
            found = None
            if self._asked["logprobs"] is not None:
                ids, nats = self._tokens[number], self._nats[number]
                likeliest = self._likeliest(number, ids) if self._asked["logprobs"] else None
                found = self._figures(ids, nats, likeliest)
            choices.append(
                {"index": number, "text": text, "logprobs": found, "finish_reason": _finish(self._ends[number])}
            )
        vocabulary = self._served.model.vocabulary
        read_, made = len(vocabulary.encode(self._asked["prompt"])), sum(map(len, self._tokens))
        usage = {"prompt_tokens": read_, "completion_tokens": made, "total_tokens": read_ + made}
        return {**self._frame(), "choices": choices, "usage": usage}

    def _frame(self):
        return {"id": self.id, "object": "text_completion", "created": self.created, "model": self._served.name}

    def _figures(self, ids, nats, likeliest):
        symbols = self._served.model.vocabulary.symbols
        tokens = [_plain(symbols[each]) for each in ids]
        offsets = np.cumsum([0, *map(len, tokens)])[:-1].tolist()
        return {
            "tokens": tokens,
            "token_logprobs": [-each for each in nats],
            "top_logprobs": likeliest,
            "text_offset": offsets,
        }

    def _likeliest(self, number, ids):
        """Return of each symbol the likeliest in its place, with their log-probabilities."""
        prompt, text = self._asked["prompt"], self._texts[number]
        whole = text if self._asked["echo"] else prompt + text
        if not (self._served.is_inspectable and ids and prompt):
            return None
        seen = _alone(self._served, lambda: trace(self._served.model, whole, int(self._asked["logprobs"])))
        rows = zip(seen.guesses[-len(ids) :], seen.probabilities[-len(ids) :], strict=True)
        return [
            {_plain(seen.symbols[each]): math.log(max(1e-30, share)) for each, share in zip(*row, strict=True)}
            for row in rows
        ]


async def _streamed(request, completion, work, news):
    """Yield the server-sent events of an answer."""
    try:
        async for items in completion.take(news):
            if await request.is_disconnected():
                return
            for item in items:
                if item[1] or item[4]:
                    yield f"data: {_dumped(completion.part(*item))}\n\n"
        yield "data: [DONE]\n\n"
    except BadRequest as error:
        yield f"data: {_dumped(_error(str(error), error.status))}\n\n"
    finally:
        work.cancelled = True


async def _until_gone(request, work):
    """Cancel what is being made when the client has left."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            work.cancelled = True
            return


async def _body(request):
    content, size = b"", 0
    async for piece in request.stream():
        size += len(piece)
        content = content + piece if size <= LARGEST else b""
        if size > 16 * LARGEST:  # what is a little too large is read to its end: its client hears the answer then
            break
    if size > LARGEST:
        raise BadRequest(f"the body has more than {LARGEST:,} bytes", 413)
    return content


def _alone(served, compute):
    """Return what a function computes with a model, while nobody else does."""
    with served.lock:
        return compute()


def _inspectable(served):
    if not served.is_inspectable:
        raise BadRequest("an ensemble has no units of its own; ask one of its models")
    return served.model


def _look_at(served, asked):
    model = _inspectable(served)
    vocabulary, ids = model.vocabulary, model.vocabulary.encode(asked["text"])
    widths = [[f"{number}.{name}", width] for (number, name), width in _widths(model).items()]
    best = min(int(asked["alternatives"]), len(vocabulary))
    found = {"states": widths, "symbols": [_plain(vocabulary.symbols[each]) for each in ids],
             "lengths": vocabulary.lengths[ids].tolist(), "nats": [None] * len(ids), "activity": None,
             "alternatives": []}  # fmt: skip
    seen = trace(model, asked["text"], best) if len(ids) > 1 else None
    if seen is not None:
        found["nats"] = [None, *map(float, seen.nats[1:])]
        found["alternatives"] = [
            [[_plain(seen.symbols[each]), float(share)] for each, share in zip(*row, strict=True)]
            for row in zip(seen.guesses, seen.probabilities, strict=True)
        ]
        found["alternatives"][0] = []
    found["alternatives"] = [*(found["alternatives"] or [[]] * len(ids)), _next(served, asked["text"], best)]
    if len(ids):
        found["alternatives"][0] = _next(served, "", best)
    if seen is not None and asked["unit"]:
        values = seen.activity(parse_unit(asked["unit"], seen.widths))
        found |= {"activity": values.tolist(), "most": max(1e-6, float(np.abs(values).max()))}
    if asked["named"]:
        ranked = {} if seen is None else find_units(seen, best=1)
        found["named"] = [
            {"name": name, "unit": str(unit), "correlation": value}
            for name, units in ranked.items()
            for unit, value in units
        ]
    return found


def _next(served, prefix, best):
    """Return the likeliest symbols after a text, with their probabilities."""
    logs = served.generator.log_probabilities(prefix)
    order = np.argsort(-logs, kind="stable")[:best]
    return [[_plain(served.model.vocabulary.symbols[each]), float(np.exp(logs[each]))] for each in order]


def _widths(model):
    from keras_charrnn.views.inspection.units import state_names

    return {
        (number, name): state.shape[-1]
        for number, layer in enumerate(model.recurrent, start=1)
        for name, state in zip(state_names(layer), layer.initial_state(1), strict=True)
    }


def _plain(symbol):
    """Return a symbol without what JSON in UTF-8 cannot hold."""
    return symbol.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _finish(ended):
    return {"": None, "length": "length"}.get(ended, "stop")


@contextlib.contextmanager
def _problems_told():
    try:
        yield
    except CharRNNError as error:
        raise BadRequest(" ".join(str(error).split())) from None


def _dumped(value):
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _json(value):
    return Response(_dumped(value), media_type="application/json")


def _error(message, status):
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": status}}


def _problem(message, status):
    return JSONResponse(_error(message, status), status_code=status)


async def _refused(request, error):
    return _problem(str(error), error.status)


async def _missing(request, error):
    status = getattr(error, "status_code", 404)
    return _problem("there is no such address; GET /openapi.json lists them", status)


async def _broken(request, error):
    return _problem("the server could not answer this", 500)
