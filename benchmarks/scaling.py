"""Training by several processes: how fast, what the network takes, and a plan for more of them.

    python benchmarks/scaling.py
    sudo python benchmarks/scaling.py --links 1000 10000
    python benchmarks/scaling.py --plan 1 2 8 64 --rate 10000
    python benchmarks/scaling.py --studies --units 128

First two layers of 512 LSTM units, a batch of 64: two workers of one core each, which share memory or add up by the
network, against one process with two replicas, alternating, medians. With --links two workers stand in network
namespaces of their own, whose link has so many megabits a second; this needs root and Linux. There the share of a step
that goes to the network is measured, by how much longer a step takes than one of the same rows by processes that send
nothing, side by side too, and compared with what the run itself says. With --plan a model of the time of a step is
printed for numbers of workers: the computing of B/N rows, which is measured here, and a ring's sum of the gradients, 2
(N - 1) / N times their size over the rate of the network. With --studies four trainings of a comparison are timed, one
after another with two replicas, and two at a time with a core each.
"""

import argparse
import concurrent.futures
import contextlib
import functools
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import common

from keras_charrnn.runs.folder import RunFolder
from keras_charrnn.training.workers.memory import SUMS

LATENCY = 50e-6  # seconds of one message within a data centre
PORT = 29_411


def recipe(cell, units, layers, batch, length, steps):
    """Return a recipe of two epochs of so many steps; the second one is measured."""
    size = int((steps * batch * length + length) / 0.99)
    return {
        "corpus": {"name": "python_stdlib", "max_bytes": size},
        "split": {"train": 0.995, "validation": 0.005},
        "windows": {"batch_size": batch, "length": length},
        "model": {"cell": cell, "units": units, "layers": layers, "embedding": 64},
        "training": {"epochs": 2, "optimizer": {"name": "adam", "learning_rate": 0.002}, "clip_norm": 5.0},
        "samples": {"every_epochs": 0},
        "checkpoints": {"every_epochs": 0, "every_minutes": 0},
    }


def train(settings, *arguments, prefixes=((),), core=None):
    """Train; return the characters a second of the second epoch, and what the run says of the network.

    Args:
        settings: The recipe.
        arguments: Of the program.
        prefixes: For each worker, of its command and {variable: value}; one for a process by itself.
        core: The number of the one core that each may use; None for all.
    """
    with tempfile.TemporaryDirectory() as place:
        path = pathlib.Path(place) / "recipe.yaml"
        path.write_text(json.dumps({"name": "scaling", **settings}))
        command = [sys.executable, "-m", "keras_charrnn", "train", path, "--runs", f"{place}/runs", *arguments]
        processes = []
        for rank, prefix in enumerate(prefixes):
            words = [each for each in prefix if isinstance(each, str)]
            variables = next((each for each in prefix if isinstance(each, dict)), {})
            pinned = [] if core is None else ["taskset", "-c", str(core(rank))]
            processes.append(
                subprocess.Popen(
                    [*words, *pinned, *map(str, command)],
                    env={**os.environ, **variables},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
        outputs = [each.communicate()[0] for each in processes]
        if any(each.returncode for each in processes):
            raise SystemExit("\n".join(outputs))
        folder = RunFolder(f"{place}/runs/scaling-001")
        return {
            "rate": folder.read_metrics()[-1]["characters_per_second"],
            "parameters": folder.read_environment()["parameters"],
            "network": folder.read_environment().get("network"),
        }


@contextlib.contextmanager
def linked(megabits):
    """Within `with`, two network namespaces with a link between them; yield their names and addresses."""
    names, addresses = ("charrnn0", "charrnn1"), ("10.77.0.1", "10.77.0.2")

    def do(*words):
        subprocess.run(list(words), check=True, capture_output=True)

    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)
        do("ip", "netns", "add", name)
    try:
        do("ip", "link", "add", "charrnn-a", "type", "veth", "peer", "name", "charrnn-b")
        for name, link, address in zip(names, ("charrnn-a", "charrnn-b"), addresses, strict=True):
            do("ip", "link", "set", link, "netns", name)
            inside = "ip", "netns", "exec", name
            do(*inside, "ip", "addr", "add", f"{address}/24", "dev", link)
            do(*inside, "ip", "link", "set", link, "up")
            do(*inside, "ip", "link", "set", "lo", "up")
            limit = "tbf", "rate", f"{megabits}mbit", "burst", "1mb", "latency", "50ms"
            do(*inside, "tc", "qdisc", "add", "dev", link, "root", *limit)
        yield names, addresses
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


def local(settings, repeats):
    network = [[{SUMS: "network"}]]
    found = common.alternate(
        {
            "one process, two replicas": lambda: train(settings, "--set", "compute.replicas=2"),
            "two workers": lambda: train(settings, "--workers", "2"),
            "two workers, sums by the network": lambda: train(settings, "--workers", "2", prefixes=network),
            "two workers, sums by the network in bfloat16": lambda: train(
                settings, "--workers", "2", "--set", "compute.reduce_precision=bfloat16", prefixes=network
            ),
        },
        repeats,
    )
    rates = {name: common.median(each, "rate") for name, each in found.items()}
    first = next(iter(rates.values()))
    common.table(
        "On one machine", ["processes", "chars/s", "ratio"],
        [[name, f"{rate:,.0f}", f"{rate / first:.2f}"] for name, rate in rates.items()],
    )  # fmt: skip


def side_by_side(settings, repeats):
    """Time four trainings, two at a time on a core each, and one after another with two replicas."""

    def study(jobs):
        with tempfile.TemporaryDirectory() as place:
            path = pathlib.Path(place) / "recipe.yaml"
            path.write_text(json.dumps({"name": "study", **settings}))
            arguments = ["compare", path, "--cells", settings["model"]["cell"], "--seeds", 4, "--jobs", jobs]
            return {"seconds": common.execute(common.ROOT, place, *arguments, "--quiet")}

    found = common.alternate({name: functools.partial(study, name) for name in (1, 2)}, repeats)
    seconds = {name: common.median(each, "seconds") for name, each in found.items()}
    rows = [[name, f"{each:.0f}", f"{seconds[1] / each:.2f}"] for name, each in seconds.items()]
    common.table("Four trainings", ["at a time", "seconds", "times as fast"], rows)


def alone(settings):
    """Return the seconds of a step of half of the rows, by two processes that send nothing, on a core each."""
    windows = {**settings["windows"], "batch_size": settings["windows"]["batch_size"] // 2}
    half = {**settings, "windows": windows}
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda core: train(half, "--set", "compute.replicas=1", core=lambda _: core), range(2))
        slower = min(each["rate"] for each in found)
    return windows["batch_size"] * windows["length"] / slower


def over_links(settings, links, repeats):
    """Compare what a run says with what is measured, each the fastest of the repeats: all else only slows them."""
    rows, characters = [], settings["windows"]["batch_size"] * settings["windows"]["length"]
    for megabits in links:
        computing, stepping = [], []
        for _ in range(repeats):
            computing.append(alone(settings))
            with linked(megabits) as (names, addresses):
                group = {"WORLD_SIZE": "2", "MASTER_ADDR": addresses[0], "MASTER_PORT": str(PORT)}
                prefixes = [
                    ("ip", "netns", "exec", name, {**group, "RANK": str(rank)}) for rank, name in enumerate(names)
                ]
                found = train(settings, "--set", "compute.replicas=1", prefixes=prefixes, core=lambda rank: rank)
            stepping.append((characters / found["rate"], found["network"]["share"]))
        step, said = min(stepping)
        measured = max(0.0, 1 - min(computing) / step)
        of_one_another = f"{said / measured:.2f}" if measured else "-"
        rows.append([f"{megabits:,} Mbit/s", f"{said:.0%}", f"{measured:.0%}", of_one_another])
    common.table(
        "Share of a step that goes to the network", ["link", "said by the run", "measured", "of one another"], rows
    )


def plan(settings, workers, megabits, parameters=None):
    """Print the model of the time of a step."""
    rows, seconds = [], {}
    batch, length = (settings["windows"][each] for each in ("batch_size", "length"))
    for count in sorted({batch // each for each in workers}):
        part = {**settings, "windows": {**settings["windows"], "batch_size": count}}
        found = train(part, "--set", "compute.replicas=1", core=lambda _: 0)
        seconds[count] = count * length / found["rate"]
        parameters = parameters or found["parameters"]
    size = 4 * parameters
    first = None
    for each in workers:
        sent = 2 * (each - 1) / each * size / (megabits * 1e6 / 8) + 2 * (each - 1) * LATENCY
        computed = seconds[batch // each]
        step = computed + sent
        first = first or step * each
        rows.append(
            [each, f"{computed * 1e3:.1f}", f"{sent * 1e3:.1f}", f"{sent / step:.0%}", f"{batch * length / step:,.0f}",
             f"{first / step / workers[0]:.1f}"]
        )  # fmt: skip
    title = f"A plan: {parameters:,} parameters, {batch} x {length} a step, {megabits:,} Mbit/s"
    common.table(title, ["workers", "computing, ms", "network, ms", "share", "chars/s", "times one"], rows)


def main(cell, units, layers, batch, length, steps, repeats, links, plan_for, rate, studies):
    settings = recipe(cell, units, layers, batch, length, steps)
    if studies:
        side_by_side(settings, repeats)
    elif links:
        over_links(settings, links, repeats)
    elif plan_for:
        plan(settings, plan_for, rate)
    else:
        local(settings, repeats)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", default="lstm")
    for name, default in {"units": 512, "layers": 2, "batch": 64, "length": 64, "steps": 40, "repeats": 3}.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--links", nargs="+", type=int, metavar="MBIT", default=())
    parser.add_argument("--studies", action="store_true", help="trainings of a comparison, side by side")
    parser.add_argument("--plan", dest="plan_for", nargs="+", type=int, metavar="N", default=())
    parser.add_argument("--rate", type=int, default=10_000, metavar="MBIT", help="of the network, for --plan")
    main(**vars(parser.parse_args()))
