"""The models of a server: each is loaded when it is first asked for, and makes text in a thread of its own."""

import contextlib
import functools
import queue
import threading
import time

from keras_charrnn.errors import CharRNNError
from keras_charrnn.model import CharRNN
from keras_charrnn.model.crowd import ROWS, Crowd, Request
from keras_charrnn.runs import load
from keras_charrnn.views.serving.fields import BadRequest

MOST_WAITING = 256  # requests of a model
MOST_ROWS = 4 * ROWS[-1]
LONGEST = 120.0  # seconds of a request


class Shelf:
    """Models by name.

    Args:
        paths: {name: path of a run or file, or the name of a model that comes with the package}.
        plugins: As `load` takes them.
    """

    def __init__(self, paths, plugins=()):
        self._paths, self._plugins = dict(paths), plugins
        self._served, self._lock = {}, threading.Lock()

    @property
    def names(self):
        return list(self._paths)

    @property
    def served(self):
        """Those that have been loaded, by name."""
        return dict(self._served)

    def get(self, name):
        """Return a `Served`.

        Raises:
            BadRequest: If there is none of the name, or it cannot be read any more.
        """
        name = self.names[0] if name is None else name
        if name in self._served:  # whatever else is being loaded
            return self._served[name]
        if name not in self._paths:
            raise BadRequest(f"there is no model {name!r}; there are {', '.join(self._paths)}", 404)
        with self._lock:
            if name not in self._served:
                try:
                    self._served[name] = Served(name, load(self._paths[name], self._plugins))
                except CharRNNError:  # what it says has paths in it
                    raise BadRequest(f"the model {name!r} cannot be read any more", 503) from None
            return self._served[name]

    def close(self):
        for each in self.served.values():
            each.close()


class Served:
    """A model and its thread.

    Args:
        name: Of the model.
        model: A `CharRNN` or an `Ensemble`.

    Attributes:
        lock: To be held by whoever else computes with the model.
        counts: What it has done: requests, characters, seconds.
    """

    def __init__(self, name, model):
        self.name, self.model, self.lock = name, model, threading.Lock()
        self.counts = {"requests": 0, "symbols": 0, "seconds": 0.0, "refused": 0}
        self._counting = threading.Lock()
        self.is_inspectable = isinstance(model, CharRNN)
        self._crowd = Crowd(model)
        self._waiting, self._closed = queue.Queue(MOST_WAITING), False
        self._thread = threading.Thread(target=self._work, name=f"model {name}", daemon=True)
        self._thread.start()

    @property
    def generator(self):
        return self._crowd.generator

    @property
    def waiting(self):
        return self._waiting.qsize()

    @property
    def rows(self):
        return self._crowd.rows

    def ask(self, tell, **settings):
        """Have text made: `tell(news, problem)` is called from the model's thread; return the `Request`.

        Raises:
            BadRequest: If the settings do not go, or too many wait.
        """
        try:
            request = Request(self._crowd.generator, functools.partial(self._count, tell), **settings)
        except CharRNNError as error:
            raise BadRequest(" ".join(str(error).split())) from None
        request.until = time.monotonic() + LONGEST
        request.tell_problem = lambda problem: tell(None, problem)
        request.failed = lambda error: tell(None, f"the model could not go on: {type(error).__name__}")
        try:
            self._waiting.put_nowait(request)
        except queue.Full:
            self._add(refused=1)
            raise BadRequest("too many requests wait for the model; come again later", 503) from None
        self._add(requests=1)
        return request

    def _add(self, **counts):
        with self._counting:
            for name, value in counts.items():
                self.counts[name] += value

    def _count(self, tell, news):
        self._add(symbols=sum(len(ids) for _, _, ids, _, _ in news))
        tell(news, None)

    def close(self):
        self._closed = True

    def _work(self):
        with self.lock, contextlib.suppress(Exception):  # what cannot be compiled beforehand is compiled when asked for
            self._crowd.warm_up()
        active = []
        while not self._closed:
            joining = [each for each in self._next(self._crowd.rows) if not each.cancelled]
            active = [each for each in [*active, *joining] if not _is_over(each)]
            now = time.monotonic()
            for each in active:
                if now > each.until:
                    each.cancelled = True
                    each.tell_problem(f"it took more than {LONGEST:g} seconds")
            joining = [each for each in joining if not each.cancelled]
            if not (self._crowd.rows or joining):
                continue
            began = time.perf_counter()
            with self.lock:
                self._crowd.join(joining)
                self._crowd.step()
            self._add(seconds=time.perf_counter() - began)

    def _next(self, rows):
        """Return the requests that begin now; wait for one where there is nothing to do."""
        found, busy = [], rows > 0
        try:
            while rows < MOST_ROWS:
                found.append(self._waiting.get(timeout=0.2) if not (busy or found) else self._waiting.get_nowait())
                rows += found[-1].count
        except queue.Empty:
            pass
        return found


def _is_over(request):
    return request.cancelled or all(each.ended for each in request.grown)
