"""Where the workers of a group meet before they train, and by which each notices when another one is lost.

The chief listens; every other worker connects, and keeps the connection for as long as it trains. What they say is
JSON, in frames of a length and so many bytes.
"""

import contextlib
import json
import select
import socket
import struct
import threading
import time

from keras_charrnn.errors import CharRNNError, SettingsError, WorkerError
from keras_charrnn.training.workers.group import WAIT

PAUSE = 0.2  # seconds between two tries to reach the chief
LONGEST = 2**33  # bytes of a frame
SILENCE = {"TCP_KEEPIDLE": 3, "TCP_KEEPINTVL": 2, "TCP_KEEPCNT": 2}  # after some 7 seconds a machine is taken for lost
HELLO = "keras_charrnn workers 1"


class Meeting:
    """The connections of a group.

    Args:
        group: A `Group`.

    Raises:
        SettingsError: If the chief's port is in use, or its host is none.
        WorkerError: If one does not come in time; the chief's message names all who are missing.
    """

    def __init__(self, group):
        self.group, self._links, self._lost, self._ended, self._is_watched = group, {}, None, False, False
        self._sending = threading.Lock()
        try:
            self._gather() if group.rank == 0 else self._reach()
        except BaseException:
            self.close()
            raise

    def exchange(self, said, answer):
        """Have all say something to the chief, which answers all.

        Args:
            said: A JSON value.
            answer: Called in the chief with the list of what was said, by rank; returns (JSON value, bytes) for all.

        Returns:
            That pair.

        Raises:
            CharRNNError: What `answer` raised, in all workers.
            WorkerError: If one is lost.
        """
        if self.group.rank:
            self._send(0, said)
            problem, value = self._receive(0)
            if problem is not None:
                raise SettingsError(problem)
            return value, self._receive_bytes(0)
        every = [said, *(self._receive(rank) for rank in range(1, self.group.count))]
        try:
            value, content = answer(every)
        except Exception as error:
            for rank in self._links:
                self._send(rank, [str(error), None])
            raise
        for rank in self._links:
            self._send(rank, [None, value])
            self._send_bytes(rank, content)
        return value, content

    def watch(self, on_loss):
        """From now on, have a thread call `on_loss(error)` once if another worker is lost, or ends with an error."""
        self._is_watched = True
        threading.Thread(target=self._watch, args=(on_loss,), daemon=True).start()

    @property
    def lost(self):
        """The error that the group is broken by; None while it is not."""
        return self._lost

    def end(self, problem=None, status=WorkerError.exit_status):
        """Tell the others that this one has come to its end, in order or with a problem, in words and a status."""
        self._ended = True
        for rank in self._links:
            with contextlib.suppress(WorkerError):
                self._send(rank, {"ended": problem, "status": status})
        self.close()

    def close(self):
        """Let go of the connections."""
        for link in self._links.values():
            with contextlib.suppress(OSError):
                link.shutdown(socket.SHUT_WR)
            link.close()

    def _gather(self):
        """Let the others connect."""
        host, port = self.group.meeting
        until = time.monotonic() + self.group.wait
        try:
            # On all addresses: the chief's name may stand for another one here than elsewhere.
            listening = socket.create_server(("", port))
        except OSError as error:
            raise SettingsError(
                f"the chief cannot wait for the other workers at port {port}: {error.strerror}; name another port"
            ) from error
        with listening:
            while len(self._links) < self.group.count - 1:
                ready, _, _ = select.select([listening], [], [], max(0.0, until - time.monotonic()))
                if not ready:
                    missing = sorted({*range(1, self.group.count)} - {*self._links})
                    raise WorkerError(
                        f"of {self.group.count} workers, {_named(missing)} did not come to {host}:{port} within "
                        f"{self.group.wait:g} seconds; the environment variable {WAIT} is how long to wait"
                    )
                self._welcome(_kept(listening.accept()[0]))

    def _welcome(self, link):
        try:
            link.settimeout(10)
            hello, rank, count = json.loads(_read_frame(link, 1000))
            link.settimeout(None)
        except (OSError, ValueError, TypeError, WorkerError):
            hello = None
        if hello != HELLO:  # whoever else knocks at a port
            link.close()
            return
        problem = None
        if count != self.group.count:
            problem = f"worker {rank} knows of {count} workers, the chief of {self.group.count}"
        elif rank in self._links or not 0 < rank < count:
            problem = f"two workers say that they are number {rank}"
        if problem is not None:
            _write_frame(link, json.dumps(problem).encode())
            raise SettingsError(problem)
        _write_frame(link, b"null")
        self._links[rank] = link

    def _reach(self):
        """Connect to the chief."""
        host, port = self.group.meeting
        until = time.monotonic() + self.group.wait
        while True:
            try:
                link = _kept(socket.create_connection((host, port), timeout=10))
                link.settimeout(self.group.wait)
                _write_frame(link, json.dumps([HELLO, self.group.rank, self.group.count]).encode())
                problem = json.loads(_read_frame(link))
                link.settimeout(None)
                break
            except socket.gaierror as error:
                reason = error
            except (OSError, WorkerError, ValueError) as error:  # it does not listen yet, or is about to begin anew
                reason = error
            if time.monotonic() > until:
                raise WorkerError(
                    f"worker {self.group.rank}: the chief did not come to {host}:{port} within {self.group.wait:g} "
                    f"seconds ({reason}); the environment variable {WAIT} is how long to wait"
                ) from reason
            time.sleep(PAUSE)
        self._links[0] = link
        if problem is not None:
            raise SettingsError(problem)

    @property
    def host(self):
        """The address by which the others reach this one."""
        return self._links[0].getsockname()[0] if self.group.rank else self.group.meeting[0]

    def _send(self, rank, value):
        self._send_bytes(rank, json.dumps(value).encode())

    def _send_bytes(self, rank, content):
        try:
            with self._sending:
                _write_frame(self._links[rank], content)
        except OSError as error:
            raise WorkerError(_is_lost(rank)) from error

    def _receive(self, rank):
        return json.loads(self._receive_bytes(rank))

    def _receive_bytes(self, rank):
        try:
            content = _read_frame(self._links[rank])
        except (OSError, WorkerError) as error:
            raise WorkerError(_is_lost(rank)) from error
        if content.startswith(b'{"ended":'):
            self._require_order(rank, **json.loads(content))
        return content

    def _require_order(self, rank, ended, status):
        """Raise what the end of another worker means, unless it is in order and nothing more is waited for."""
        if ended is None and self._is_watched:
            return
        if status == WorkerError.exit_status:
            raise WorkerError(f"worker {rank}: {ended or 'has come to its end'}")
        error = CharRNNError(f"worker {rank}: {ended}")
        error.exit_status = status
        raise error

    def _watch(self, on_loss):
        links = {link: rank for rank, link in self._links.items()}
        while links and not self._ended:
            try:
                ready, _, _ = select.select(list(links), [], [], 1.0)
            except (OSError, ValueError):  # closed by this one
                return
            for link in ready:
                try:
                    self._receive(links[link])  # whatever is said now is an end
                    del links[link]
                except CharRNNError as error:
                    if not self._ended:
                        self._lost = error
                        on_loss(error)
                    return


def _named(ranks):
    return f"worker{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"


def _is_lost(rank):
    return f"worker {rank} is lost: its process has ended, or its machine cannot be reached"


def _kept(link):
    """Have the system notice within seconds that the other machine is gone."""
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in SILENCE.items():
        if hasattr(socket, name):  # not on every system
            link.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return link


def _write_frame(link, content):
    link.sendall(struct.pack(">Q", len(content)))
    link.sendall(content)


def _read_frame(link, longest=LONGEST):
    (length,) = struct.unpack(">Q", _read(link, 8))
    if length > longest:
        raise WorkerError(f"a frame of {length:,} bytes")
    return _read(link, length)


def _read(link, length):
    content = bytearray()
    while len(content) < length:
        piece = link.recv(min(length - len(content), 2**20))
        if not piece:
            raise WorkerError("the connection has ended")
        content += piece
    return bytes(content)
