"""A server of two small models, in a thread of the tests' process."""

import socket
import threading
import time

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
import uvicorn

from keras_charrnn.model.crowd import Crowd
from keras_charrnn.views.serving.app import App
from keras_charrnn.views.serving.shelf import Shelf


class Serving:
    """A running server.

    Attributes:
        address: As in "http://127.0.0.1:8000".
        shelf: The `Shelf`.
    """

    def __init__(self, paths, **settings):
        self.shelf = Shelf(paths)
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(App(self.shelf, **settings), log_level="error", lifespan="off", access_log=False,
                                timeout_graceful_shutdown=1)  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def close(self):
        self._server.should_exit = True
        self._thread.join(10)
        self.shelf.close()
        self._socket.close()


@pytest.fixture(scope="module", autouse=True)
def no_warm_up():
    """Compile what the tests ask for, and nothing else."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Crowd, "warm_up", lambda crowd: None)
        yield


@pytest.fixture(scope="module")
def served(trained, second):
    """Return a server of the models `one` and `two`."""
    serving = Serving({"one": trained.folder, "two": second.folder})
    yield serving
    serving.close()
