"""The workers of a group from their meeting to the end of their training."""

import contextlib
import os
import socket
import sys
import threading
import time

import tensorflow as tf

from keras_charrnn.common.screen import Screen, say
from keras_charrnn.engine import compute
from keras_charrnn.errors import CharRNNError, SettingsError, WorkerError
from keras_charrnn.recipe.checks import show
from keras_charrnn.runs.checkpoints import from_bytes, to_bytes
from keras_charrnn.training.changes import FREE, is_in, keys_of, recorded
from keras_charrnn.training.telling import versions
from keras_charrnn.training.workers.collective import Collective
from keras_charrnn.training.workers.group import Group
from keras_charrnn.training.workers.meeting import Meeting
from keras_charrnn.training.workers.memory import Memory, find_place, new_name
from keras_charrnn.training.workers.ring import Ring

GRACE = 5.0  # seconds for the training to end by itself once the group is broken
SHOWN = 3  # keys of recipes that differ, in a message


class Team:
    """This worker among the others.

    Args:
        meeting: A `Meeting`.

    Attributes:
        rank, count: Of this worker, and how many there are.
        start: The `Checkpoint` from which all go on; None from the beginning.
        facts: What the chief has told: a mapping with `recipe`; `start`, the record of a model begun from;
            `precision`, `replicas` and `cores`, with which all compute; and how they add up: `memory`, the name of
            what they share, or None, and `addresses`. {"dismissed": True} where there is nothing to do.
        collective: The `Collective`; None before `connect`.
    """

    def __init__(self, meeting):
        self._meeting = meeting
        self.rank, self.count = meeting.group.rank, meeting.group.count
        self.start, self.facts, self.collective = None, {}, None
        self._began, self._timer = time.monotonic(), None

    def join(self, plan, start=None, model=None, asked=None):
        """Have all see that they are to do the same, and get what the chief begins from.

        Args:
            plan: The `Recipe`; None for the chief's, in another worker.
            start: In the chief, the `Checkpoint` to go on from; None for the beginning.
            model: In the chief, the record of the model that its run began from; None where there is none.
            asked: In the chief, precision and replicas, where they are not the recipe's.

        Raises:
            SettingsError: If versions or recipes differ, in words of which and how.
        """
        host, port = _address(self._meeting)
        said = {
            "versions": _compared(versions()),
            "recipe": plan and recorded(plan),
            "address": f"{host}:{port}",
            "machine": compute.look(),
            "place": find_place(),
        }

        def answer(every):
            for rank, other in enumerate(every):
                _require_same(rank, "versions", other["versions"], said["versions"])
                if other["recipe"] is not None:
                    _require_same(rank, "recipe", _decisive(other["recipe"]), _decisive(said["recipe"]))
            content = b"" if start is None else to_bytes(start.facts, start.arrays)
            # All compute alike, as the least of the machines can.
            machine = [min(each) for each in zip(*(other["machine"] for other in every), strict=True)]
            rows = max(1, plan.windows.batch_size // self.count)
            chosen = compute.decide(*(asked or (plan.compute.precision, plan.compute.replicas)), rows, *machine)
            _, gpus, _ = said["machine"]
            near = said["place"] is not None and all(other["place"] == said["place"] for other in every)
            return {
                **dict(zip(("precision", "replicas"), chosen, strict=True)),
                "cores": machine[0],
                "memory": new_name() if near and not gpus else None,
                "addresses": [other["address"] for other in every],
                "recipe": plan.to_yaml(),
                "start": model,
            }, content

        self.facts, content = self._meeting.exchange(said, answer)
        if content:
            self.start = from_bytes(content, "what the chief has sent")

    def connect(self, precision="float32"):
        """Make the group's sums, before TensorFlow has done anything; see that nobody is lost from here on."""
        if self.facts["memory"]:
            sums = Memory(self.rank, self.count, self.facts["memory"])
        else:
            sums = Ring(self.rank, self.facts["addresses"], precision)
        self.collective = Collective(self.rank, self.count, sums, lambda: time.monotonic() - self._began)

    def agree_on(self, text, teachers=()):
        """Have all see that they have the same text, and the same models to teach them.

        Args:
            text: A `Text`.
            teachers: Checksums of the models.

        Raises:
            SettingsError: If not.
        """
        said = {"text": text.sha256, "characters": text.characters, "source": str(text.source), "teachers": [*teachers]}

        def answer(every):
            for rank, other in enumerate(every):
                if other["text"] != said["text"]:
                    raise SettingsError(
                        f"worker {rank} has another text than the chief: {other['source']}, of {other['characters']:,} "
                        f"characters, and {said['source']}, of {said['characters']:,}; give all the same file"
                    )
                if other["teachers"] != said["teachers"]:
                    raise SettingsError(
                        f"worker {rank} has other models than the chief where teacher.from names them: their checksums "
                        "differ; give all the same files"
                    )
            return {}, b""

        self._meeting.exchange(said, answer)
        self._meeting.watch(self._break_off)  # nothing else is said from here on

    def dismiss(self, error=None):
        """Have the others, who are about to join, end: in order, for there is nothing to do, or with an error."""

        def answer(every):
            if error is not None:
                raise error
            return {"dismissed": True}, b""

        self._meeting.exchange(None, answer)

    def close(self):
        """Let nothing happen any more when another worker ends."""
        if self._timer is not None:
            self._timer.cancel()

    def _break_off(self, error):
        """Have the main thread end what it waits for in vain."""
        if self.collective is not None:
            self.collective.sums.abort()
        self._timer = threading.Timer(GRACE, self._leave, (error,))
        self._timer.daemon = True
        self._timer.start()

    @staticmethod
    def _leave(error):
        say(Screen(stderr=True), f"keras-charrnn: {error}")
        sys.stderr.flush()
        os._exit(error.exit_status)


@contextlib.contextmanager
def meet(workers):
    """Within `with`, be one of the group that the environment tells of.

    Args:
        workers: A recipe's `compute.workers`.

    Yields:
        A `Team`, not joined yet; None for a process by itself.

    Raises:
        SettingsError: If the group cannot be.
        WorkerError: If a worker does not come, or is lost.
    """
    group = Group.of(workers)
    if group is None:
        yield None
        return
    meeting = Meeting(group)
    team = Team(meeting)
    try:
        yield team
    except tf.errors.OpError as error:
        until = time.monotonic() + GRACE / 2
        while meeting.lost is None and time.monotonic() < until:  # TensorFlow may be the first to notice
            time.sleep(0.05)
        if meeting.lost is None:
            meeting.end(f"has ended: {error.message}")
            raise
        meeting.end(f"has ended: {meeting.lost}", meeting.lost.exit_status)
        raise meeting.lost from error
    except (KeyboardInterrupt, SystemExit):
        agreed = team.collective is not None and team.collective.agreed
        meeting.end(None if agreed else "was interrupted")
        raise
    except BaseException as error:
        meeting.end(str(error) or type(error).__name__, getattr(error, "exit_status", 1))
        raise
    else:
        meeting.end()
    finally:
        team.close()


@contextlib.contextmanager
def awaited(group):
    """Have the others, who are on their way to the chief, hear of an end within `with` that comes before all meet.

    Args:
        group: The chief's `Group`; None for a process by itself.

    Yields:
        A function to call when they have met.
    """
    waiting = [] if group is None else [group]
    try:
        yield waiting.clear
    except CharRNNError as error:
        if waiting and not isinstance(error, WorkerError):
            with contextlib.suppress(CharRNNError), meet("auto") as team:
                team.dismiss(error)
        raise
    if waiting:
        with meet("auto") as team:
            team.dismiss()


def _address(meeting):
    """Return host and port of this worker's TensorFlow: as the environment has it, or a port that is free."""
    group = meeting.group
    if group.addresses and group.rank:
        return group.addresses[group.rank]
    with socket.create_server(("", 0)) as free:  # the chief's own port is where they meet
        return meeting.host, free.getsockname()[1]


def _compared(found):
    return {name: version for name, version in found.items() if name != "python"}


def _decisive(recipe):
    """Return {key: value} of what decides a training, of a recorded recipe."""
    return {key: value for key, value in keys_of(recipe).items() if not is_in(key, FREE)}


def _require_same(rank, what, found, wanted):
    """Raise a SettingsError unless two mappings are the same."""
    differ = [key for key in {**wanted, **found} if found.get(key) != wanted.get(key)]
    if differ:
        parts = [f"{key} is {show(found.get(key))}, the chief's {show(wanted.get(key))}" for key in differ[:SHOWN]]
        more = f", and {len(differ) - SHOWN} more" if len(differ) > SHOWN else ""
        raise SettingsError(f"worker {rank} differs in its {what}: {'; '.join(parts)}{more}; give all the same")
