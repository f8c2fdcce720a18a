"""The server's answers: the page, completions, scores, looks into a model, health and metrics."""

import asyncio
import contextlib
import functools
import hmac
import time

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from keras_charrnn.model.page import page_of, read_asset
from keras_charrnn.views.inspection.causes import causes
from keras_charrnn.views.serving.answers import body_of, broken, json_answer, missing, problem, problems_told, refused
from keras_charrnn.views.serving.completion import Completion, streamed, until_gone
from keras_charrnn.views.serving.description import describe
from keras_charrnn.views.serving.fields import CAUSES, COMPLETION, IGNORED, LOOK, SCORE, BadRequest, read
from keras_charrnn.views.serving.looks import alone, inspectable, look_at

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
        handlers = {BadRequest: refused, 404: missing, 405: missing, 500: broken, Exception: broken}
        self._starlette = Starlette(routes=routes, exception_handlers=handlers)

    async def __call__(self, scope, receive, send):
        """Answer, where the caller may ask."""
        if scope["type"] != "http":
            await self._starlette(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is not None:
            await problem(*refusal)(scope, receive, send)
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
        figures = {
            name: {**served.counts, "rows": served.rows, "waiting": served.waiting}
            for name, served in self.shelf.served.items()
        }
        for key in ("requests", "symbols", "seconds", "refused", "rows", "waiting"):
            kind, metric = ("gauge", key) if key in ("rows", "waiting") else ("counter", f"{key}_total")
            lines.append(f"# TYPE keras_charrnn_{metric} {kind}")
            lines += [f"keras_charrnn_{metric}{{model={_label(name)}}} {each[key]}" for name, each in figures.items()]
        return PlainTextResponse("\n".join(lines) + "\n")

    async def _served(self, name):
        return await run_in_threadpool(self.shelf.get, name)

    async def _completions(self, request):
        asked = read(await body_of(request), COMPLETION, IGNORED)
        served = await self._served(asked["model"])
        loop, news = asyncio.get_running_loop(), asyncio.Queue()

        def tell(items, problem):
            with contextlib.suppress(RuntimeError):  # the server has ended meanwhile
                loop.call_soon_threadsafe(news.put_nowait, (items, problem))

        settings = {name: asked[name] for name in _RULES if asked[name] is not None}
        ask = functools.partial(
            served.ask,
            tell,
            prefix=asked["prompt"],
            length=asked["max_tokens"],
            stop=asked["stop"],
            num_samples=asked["n"],
            scored=asked["logprobs"] is not None,
            **settings,
        )
        work = await run_in_threadpool(ask)  # a pattern may take a while
        completion = Completion(asked, served)
        if asked["stream"]:
            return StreamingResponse(streamed(completion, work, news), media_type="text/event-stream",
                                     headers={"Cache-Control": "no-store"})  # fmt: skip
        watcher = asyncio.ensure_future(until_gone(request, work, news))
        try:
            async for _ in completion.take(news):
                if work.cancelled:
                    return Response(status_code=499)
        finally:
            work.cancelled = True
            watcher.cancel()
        return JSONResponse(await run_in_threadpool(completion.whole))

    async def _score(self, request):
        asked = read(await body_of(request), SCORE)
        served = await self._served(asked["model"])
        with problems_told():
            score = await run_in_threadpool(alone, served, lambda: served.model.score(asked["text"]))
        return json_answer({
            "model": served.name, "nats_per_character": score.nats_per_character,
            "bits_per_character": score.bits_per_character, "perplexity": score.perplexity,
            "characters": len(score.nats), "nats": [float(each) for each in score.nats],
        })  # fmt: skip

    async def _look(self, request):
        asked = read(await body_of(request), LOOK)
        served = await self._served(asked["model"])
        with problems_told():
            return json_answer(await run_in_threadpool(alone, served, lambda: look_at(served, asked)))

    async def _causes(self, request):
        asked = read(await body_of(request), CAUSES)
        served = await self._served(asked["model"])
        with problems_told():
            found = await run_in_threadpool(
                alone, served, lambda: causes(inspectable(served), asked["text"], int(asked["place"]))
            )
        return json_answer({"causes": found.tolist()})


_PATHS = ("/", "/health", "/metrics", "/openapi.json", "/v1/models", "/v1/completions", "/score", "/look", "/causes")
_RULES = ("seed", "temperature", "top_p", "top_k", "min_p", "no_repeat", "allow", "forbid", "pattern", "line_pattern")


def _label(text):
    """Return a text as Prometheus reads it."""
    escaped = text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return f'"{escaped}"'
