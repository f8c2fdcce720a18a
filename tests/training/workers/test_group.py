"""What the environment tells of a group, and how its workers meet."""

import contextlib
import json
import socket
import threading

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as some

from keras_charrnn.errors import SettingsError, WorkerError
from keras_charrnn.text import corpora
from keras_charrnn.training.workers.group import Group, expand
from keras_charrnn.training.workers.meeting import Meeting
from keras_charrnn.training.workers.ring import _terms
from keras_charrnn.training.workers.team import Team

WORKERS = ["a:1", "b:2", "c:3"]


def tf_config(kind="worker", index=1, **cluster):
    return {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": kind, "index": index}})}


@pytest.mark.parametrize(
    ("environment", "rank", "count", "meeting"),
    [
        (tf_config(worker=WORKERS), 1, 3, ("a", 1)),
        (tf_config("chief", 0, chief=["x:9"], worker=WORKERS), 0, 4, ("x", 9)),
        (tf_config(chief=["x:9"], worker=WORKERS), 2, 4, ("x", 9)),
        ({"SLURM_PROCID": "2", "SLURM_NTASKS": "4", "SLURM_JOB_ID": "1234567", "SLURM_JOB_NODELIST": "n[07-09],m"},
         2, 4, ("n07", 24567)),
        ({"RANK": "1", "WORLD_SIZE": "2", "MASTER_ADDR": "10.0.0.1", "MASTER_PORT": "500"}, 1, 2, ("10.0.0.1", 500)),
        ({"RANK": "0", "WORLD_SIZE": "2", "MASTER_PORT": "500"}, 0, 2, ("127.0.0.1", 500)),
    ],
)  # fmt: skip
def test_the_environment_tells_who_and_where(environment, rank, count, meeting):
    group = Group.of("auto", environment)
    assert (group.rank, group.count, group.meeting) == (rank, count, meeting)
    assert Group.of(count, environment) == group


@pytest.mark.parametrize(
    "environment",
    [{}, {"WORLD_SIZE": "2"}, {"RANK": "0", "WORLD_SIZE": "1"}, tf_config(index=0, worker=["a:1"]),
     {"SLURM_PROCID": "0", "SLURM_NTASKS": "1", "SLURM_JOB_ID": "5"}],
)  # fmt: skip
def test_a_process_by_itself_has_no_group(environment):
    assert Group.of("auto", environment) is None and Group.of(1, environment) is None


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"TF_CONFIG": "{"}, r"TF_CONFIG is no JSON .*received '\{'"),
        ({"TF_CONFIG": "[]"}, "TF_CONFIG must have cluster, with a list worker of host:port"),
        (tf_config(index=3, worker=WORKERS), "TF_CONFIG: the task worker 3 is none of cluster's"),
        (tf_config(worker=["a", "b"]), "TF_CONFIG: an address must be host:port; received 'a'"),
        ({"RANK": "one", "WORLD_SIZE": "2"}, "the environment variable RANK must be a whole number; it is 'one'"),
        ({"RANK": "2", "WORLD_SIZE": "2", "MASTER_PORT": "1"}, "RANK is 2, and there are 2 workers, from 0 on"),
        ({"RANK": "1", "WORLD_SIZE": "2"}, "MASTER_PORT must be a whole number; it is ''"),
        (
            {"RANK": "1", "WORLD_SIZE": "2", "MASTER_PORT": "1", "KERAS_CHARRNN_WAIT": "x"},
            "must be a number of seconds",
        ),
    ],
)
def test_what_cannot_be_is_told(environment, message):
    with pytest.raises(SettingsError, match=message):
        Group.of("auto", environment)


def test_the_recipes_number_of_workers_is_a_check():
    with pytest.raises(SettingsError, match=r"compute\.workers is 4, and the environment tells of 1; .*--workers 4"):
        Group.of(4, {})


@pytest.mark.parametrize(
    ("short", "names"),
    [
        ("n1", ["n1"]),
        ("n[1-3]", ["n1", "n2", "n3"]),
        ("n[08-10,12]", ["n08", "n09", "n10", "n12"]),
        ("a,b-[1,3]-x,c", ["a", "b-1-x", "b-3-x", "c"]),
        ("r[1-2]n[3-4]", ["r1n3", "r1n4", "r2n3", "r2n4"]),
    ],
)
def test_slurms_short_lists_of_hosts(short, names):
    assert expand(short) == names


@given(some.lists(some.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False), max_size=9))
def test_three_bfloat16_numbers_hold_a_float32_number_to_its_last_bit(values):
    values = np.array([each for each in values if abs(each) < 1e30 and not 0 < abs(each) < 1e-20], np.float32)
    total = sum(each.numpy().astype(np.float32) for each in _terms(tf.constant(values)))
    np.testing.assert_array_equal(total, values)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def together(*works, count=None, wait=20.0):
    """Have each work with the `Meeting` of its rank, in threads; return what each returned or raised, by rank."""
    port, found = free_port(), {}
    count = count or len(works)

    def run(rank, work):
        try:
            with contextlib.closing(Meeting(Group(rank, count, ("127.0.0.1", port), wait=wait))) as meeting:
                found[rank] = work(meeting)
        except Exception as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works) if each[1] is not None]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    return found


def test_all_hear_what_the_chief_answers():
    def work(meeting):
        return meeting.exchange(meeting.group.rank * 10, lambda every: (every, b"x" * 3_000_000))

    assert list(together(work, work, work).values()) == [([0, 10, 20], b"x" * 3_000_000)] * 3


def test_all_end_with_what_the_chief_refuses():
    def refuse(every):
        raise SettingsError(f"worker {every.index(1)} says 1")

    found = together(*[lambda meeting: meeting.exchange(meeting.group.rank, refuse)] * 3)
    assert [str(found[rank]) for rank in range(3)] == ["worker 1 says 1"] * 3


def test_all_learn_from_the_same_text_and_the_same_models(tmp_path):
    (tmp_path / "text.txt").write_text("one text")
    text = corpora.load(path=str(tmp_path / "text.txt"))

    def agree(*teachers):
        def work(meeting):
            meeting.watch = lambda on_loss: None  # this process is to outlive them all
            Team(meeting).agree_on(text, teachers)

        return work

    assert together(agree("a", "b"), agree("a", "b")) == {0: None, 1: None}
    for others in (("a", "c"), ("b", "a"), ()):
        found = together(agree("a", "b"), agree("a", "b"), agree(*others))
        wanted = "worker 2 has other models than the chief where teacher.from names them: their checksums differ; "
        assert [str(found[rank]).startswith(wanted) for rank in range(3)] == [True] * 3, found


def test_who_does_not_come_is_named():
    found = together(lambda meeting: None, lambda meeting: None, None, None, wait=0.5, count=4)
    assert isinstance(found[0], WorkerError)
    assert str(found[0]).startswith("of 4 workers, workers 2, 3 did not come to 127.0.0.1:")
    found = together(None, lambda meeting: None, wait=0.5, count=2)
    assert "worker 1: the chief did not come to 127.0.0.1:" in str(found[1])


def test_a_port_in_use_is_named():
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"the chief cannot wait for the other workers at port {port}: "):
            Meeting(Group(0, 2, ("127.0.0.1", port)))


def test_workers_who_count_otherwise_end_together():
    port, found = free_port(), []

    def come():
        with pytest.raises(SettingsError) as caught:
            Meeting(Group(1, 3, ("127.0.0.1", port), wait=5))
        found.append(str(caught.value))

    thread = threading.Thread(target=come)
    thread.start()
    with pytest.raises(SettingsError, match="worker 1 knows of 3 workers, the chief of 2"):
        Meeting(Group(0, 2, ("127.0.0.1", port), wait=5))
    thread.join()
    assert found == ["worker 1 knows of 3 workers, the chief of 2"]


@pytest.mark.parametrize("greeting", [b"", b"GET / HTTP/1.1\r\n\r\n", b"\0" * 8, b"\xff" * 40, b"\0\0\0\0\0\0\0\2{}"])
def test_a_stranger_at_the_port_does_no_harm(greeting):
    port, met = free_port(), []
    chief = threading.Thread(target=lambda: met.append(Meeting(Group(0, 2, ("127.0.0.1", port), wait=20))))
    chief.start()
    while True:
        try:
            stranger = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            continue
    stranger.sendall(greeting)
    stranger.close()
    other = Meeting(Group(1, 2, ("127.0.0.1", port), wait=20))
    chief.join()
    assert met
    other.close()
    met[0].close()


def test_a_loss_is_told_and_an_end_in_order_is_none():
    losses = {}

    def stay(meeting):
        heard = threading.Event()

        def hear(error):
            losses[meeting.group.rank] = str(error), error.exit_status
            heard.set()

        meeting.watch(hear)
        heard.wait(5)

    def leave(meeting):
        meeting.close()

    together(stay, leave)
    assert losses == {0: ("worker 1 is lost: its process has ended, or its machine cannot be reached", 75)}
    losses.clear()

    def end(meeting):
        meeting.watch(lambda error: losses.setdefault(meeting.group.rank, error))
        meeting.end(*(("the disk is full", 1) if meeting.group.rank == 1 else ()))

    together(stay, end)
    assert losses == {0: ("worker 1: the disk is full", 1)}  # no lost worker, after which to begin again
    losses.clear()
    together(end, lambda meeting: meeting.end())
    assert not losses
