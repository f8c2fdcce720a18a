"""From models to a running server."""

import errno
import ipaddress
import os
import pathlib
import socket

from keras_charrnn.common import ready
from keras_charrnn.common.extras import require
from keras_charrnn.common.files import user_path
from keras_charrnn.common.screen import Screen, say
from keras_charrnn.errors import SettingsError
from keras_charrnn.runs import RunFolder
from keras_charrnn.runs.members import members_of

LEAST_TOKEN = 8  # characters


def serve(paths, host="127.0.0.1", port=8000, token=None, plugins=(), console=None):
    """Serve models until the program is ended.

    Args:
        paths: Of runs or .keras files, or names of models that come with the package; "A+B" is an ensemble.
        host: Address to listen at.
        port: 0 for any that is free.
        token: What requests must bring; needed where others than this machine can ask.
        plugins: As `load` takes them.
        console: A `rich.console.Console`.

    Raises:
        SettingsError: If there is no such address, the port is in use, or the token is missing.
        RunError: If there is no such model.
        ExtraError: If a package is missing.
    """
    uvicorn = require("uvicorn", "a server needs Starlette and uvicorn; install them with", "serve")
    require("starlette", "a server needs Starlette and uvicorn; install them with", "serve")
    from keras_charrnn.views.serving.app import LOCAL, App
    from keras_charrnn.views.serving.shelf import Shelf

    local = _is_local(host)
    if token is not None and len(token) < LEAST_TOKEN:
        raise SettingsError(f"a token must have {LEAST_TOKEN} characters or more")
    if not local and token is None:
        raise SettingsError(
            f"{host} is an address that others can reach: give --token, which requests must bring then, or leave "
            "--host out, for this machine alone"
        )
    names = names_of(paths)
    listening = _listen(host, port)
    shelf = Shelf(names, plugins)
    shelf.get(None)  # the first one at once: whoever comes finds it ready
    app = App(shelf, token, (*LOCAL, host) if local else ())
    shown = f"[{host}]" if ":" in host else host
    say(
        console or Screen(lasting=True),
        f"serving  {', '.join(names)}\npage     http://{shown}:{listening.getsockname()[1]}/"
        + ("" if token is None else "#token=TOKEN"),
    )
    config = uvicorn.Config(app, log_level="error", lifespan="off", timeout_graceful_shutdown=2, access_log=False,
                            server_header=False, timeout_keep_alive=15)  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        shelf.close()
        listening.close()


def names_of(paths):
    """Return {name: path} of models: a folder's, a file's or the package's own name, with a number where one is taken.

    Raises:
        RunError: If one is not there.
    """
    found = {}
    for path in paths:
        for each in members_of(path) or [path]:
            if ready.find_model(each) is None and user_path(each).suffix != ".keras":
                RunFolder.open(each).require_model()
        name = base = "+".join(pathlib.PurePath(each).stem for each in (members_of(path) or [str(path)]))
        number = 1
        while name in found:
            number += 1
            name = f"{base}-{number}"
        found[name] = path
    return found


def _is_local(host):
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host, port):
    """Return a listening socket.

    Raises:
        SettingsError: If there can be none.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except (OSError, OverflowError) as error:
        reason = os.strerror(error.errno) if getattr(error, "errno", None) in errno.errorcode else error
        raise SettingsError(f"nothing can listen at {host}, port {port}: {reason}; give another one") from error
