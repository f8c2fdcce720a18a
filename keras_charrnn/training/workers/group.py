"""Who trains together: the processes of a group, as the environment tells them.

Three ways of telling are understood, in this order: `TF_CONFIG`, as TensorFlow and operators of Kubernetes have it;
Slurm's variables, by which `srun` starts a process for each task; and `RANK`, `WORLD_SIZE`, `MASTER_ADDR` and
`MASTER_PORT`, as torchrun, Ray and an indexed Job of Kubernetes give them.
"""

import dataclasses
import json
import os
import re

from keras_charrnn.errors import SettingsError

PORTS = 20_000, 10_000  # of jobs of Slurm, which gives none: the first, and how many there are
WAIT = "KERAS_CHARRNN_WAIT"  # seconds until all must have come
LONGEST_WAIT = 300


@dataclasses.dataclass(frozen=True)
class Group:
    """The processes that train one model together.

    Attributes:
        rank: Of this one, from 0, the chief.
        count: N, how many there are.
        meeting: (host, port) where the chief waits for the others.
        addresses: (host, port) of each, where the environment tells; else ().
        wait: Seconds until all must have come.
    """

    rank: int
    count: int
    meeting: tuple
    addresses: tuple = ()
    wait: float = LONGEST_WAIT

    @classmethod
    def of(cls, workers="auto", environment=os.environ):
        """Return the group that the environment tells of; None for a process by itself.

        Args:
            workers: A recipe's `compute.workers`: auto, or the number that there must be.
            environment: A mapping of variables.

        Raises:
            SettingsError: If what the environment tells cannot be, or there are more or fewer workers.
        """
        group = None
        for variable, read in (("TF_CONFIG", _of_tensorflow), ("SLURM_PROCID", _of_slurm), ("RANK", _of_ranks)):
            if environment.get(variable):
                group = read(environment)
                break
        count = 1 if group is None else group.count
        if workers not in ("auto", count):
            raise SettingsError(
                f"compute.workers is {workers}, and the environment tells of {count}; write compute.workers auto, or "
                f"start that many: keras-charrnn train RECIPE --workers {workers}"
            )
        if count == 1:
            return None
        wait = environment.get(WAIT, str(LONGEST_WAIT))
        try:
            return dataclasses.replace(group, wait=float(wait))
        except ValueError:
            raise SettingsError(
                f"the environment variable {WAIT} must be a number of seconds; it is {wait!r}"
            ) from None


def _of_tensorflow(environment):
    text = environment["TF_CONFIG"]
    shown = f"received {text[:80]!r}"
    try:
        config = json.loads(text)
        cluster, task = config["cluster"], config["task"]
        chiefs, workers = ([*cluster.get(kind, ())] for kind in ("chief", "worker"))
        kind, index = task["type"], int(task["index"])
    except json.JSONDecodeError as error:
        raise SettingsError(f"TF_CONFIG is no JSON ({error}); {shown}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SettingsError(
            f"TF_CONFIG must have cluster, with a list worker of host:port, and task, with type and index; {shown}"
        ) from error
    places = {"chief": chiefs, "worker": workers}.get(kind, ())
    if not 0 <= index < len(places):
        raise SettingsError(f"TF_CONFIG: the task {kind} {index} is none of cluster's; {shown}")
    addresses = tuple(_host_and_port(each) for each in [*chiefs, *workers])
    return Group(index + (len(chiefs) if kind == "worker" else 0), len(addresses), addresses[0], addresses)


def _of_slurm(environment):
    rank, count = _number(environment, "SLURM_PROCID"), _number(environment, "SLURM_NTASKS")
    hosts = environment.get("SLURM_STEP_NODELIST") or environment.get("SLURM_JOB_NODELIST") or "127.0.0.1"
    first, many = PORTS
    return _group("SLURM_PROCID", rank, count, expand(hosts)[0], first + _number(environment, "SLURM_JOB_ID") % many)


def _of_ranks(environment):
    rank, count = _number(environment, "RANK"), _number(environment, "WORLD_SIZE")
    port = _number(environment, "MASTER_PORT") if count > 1 else 0
    return _group("RANK", rank, count, environment.get("MASTER_ADDR") or "127.0.0.1", port)


def _group(variable, rank, count, host, port):
    if not rank < count:
        raise SettingsError(f"the environment variable {variable} is {rank}, and there are {count} workers, from 0 on")
    return Group(rank, count, (host, port))


def expand(hosts):
    """Return the names in Slurm's short form of a list of hosts: "node[01-03,07],login"."""
    names = []
    for each in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", hosts):
        names += _expand(each)
    return names


def _expand(name):
    """Return the names of one item of the list, whose ranges stand in brackets, one pair or several."""
    found = re.match(r"([^\[]*)\[([^\]]*)\](.*)", name)
    if not found:
        return [name]
    prefix, ranges, rest = found.groups()
    numbers = []
    for each in ranges.split(","):
        first, _, last = each.partition("-")
        numbers += [f"{number:0{len(first)}d}" for number in range(int(first), int(last or first) + 1)]
    return [f"{prefix}{number}{end}" for number in numbers for end in _expand(rest)]


def _number(environment, name):
    value = environment.get(name, "")
    if not value.isdecimal():
        raise SettingsError(f"the environment variable {name} must be a whole number; it is {value!r}")
    return int(value)


def _host_and_port(address):
    host, _, port = str(address).rpartition(":")
    if not (host and port.isdecimal()):
        raise SettingsError(f"TF_CONFIG: an address must be host:port; received {address!r}")
    return host, int(port)
