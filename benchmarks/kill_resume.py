"""Does a run that is killed at any moment end as one that was not?

    python benchmarks/kill_resume.py
    python benchmarks/kill_resume.py --longer 2
    python benchmarks/kill_resume.py --workers 2 --trials 10

A small run writes a checkpoint every 10 steps. It is killed (SIGKILL) at a random moment, every second time while a
checkpoint is being written, goes on with `keras-charrnn resume`, and is compared with a run that was left alone:
weights, optimizer, states, metrics and samples, bit by bit. With --longer both go on for as many epochs more once they
have ended, and one of them is killed on that way too. With --workers so many processes train together, any one of them
is killed, and all begin again by themselves (--restarts). The exit status is 1 unless all are identical.
"""

import argparse
import contextlib
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time

import common
import numpy as np

from keras_charrnn.runs.folder import RunFolder

SETTINGS = {
    "windows": "{batch_size: 16, length: 32}",
    "model": "{cell: lstm, units: 64, layers: 2, embedding: 16, dropout: 0.2}",
    "training": "{epochs: 3, schedule: cosine}",
    "samples": "{every_steps: 100, length: 50}",
    "checkpoints": "{every_steps: 10}",
}


def program(*arguments, wait=True):
    """Start keras-charrnn; return the process, ended with success where it is waited for."""
    command = [sys.executable, "-m", "keras_charrnn", *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if wait:
        output, _ = process.communicate()
        if process.returncode:
            raise SystemExit(f"{' '.join(command)} failed:\n{output}")
    return process


def kill(process, folder, seconds, in_write):
    """Kill a training some seconds after its first checkpoint; return whether a checkpoint was being written."""
    deadline = None
    while process.poll() is None:
        if deadline is None:
            if any(folder.glob("step-*.checkpoint")):
                deadline = time.monotonic() + seconds
        elif time.monotonic() >= deadline and (not in_write or any(folder.glob(".*.checkpoint"))):
            break
        if not in_write:
            time.sleep(0.001)
    process.kill()
    process.wait()
    with contextlib.suppress(OSError):
        return any(folder.glob(".*.checkpoint"))


def same(one, two):
    """Whether two finished runs have the same weights, optimizer, states, metrics and samples."""
    folders = [RunFolder(path) for path in (one, two)]
    arrays, others = (each.checkpoints.newest().arrays for each in folders)
    files = [[path.read_bytes() for path in (each.metrics, *sorted(each.samples.iterdir()))] for each in folders]
    return (
        files[0] == files[1]
        and arrays.keys() == others.keys()
        and all(np.array_equal(array, others[name]) for name, array in arrays.items())
    )


def workers_of(process):
    """Return the numbers of the processes that one has started."""
    found = subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True)
    return [int(each) for each in found.stdout.split()]


def kill_a_worker(process, folder, seconds, draw):
    """Kill any worker of a group some seconds after its first checkpoint."""
    while process.poll() is None and not any(folder.glob("step-*.checkpoint")):
        time.sleep(0.01)
    time.sleep(seconds)
    found = workers_of(process)
    if found:
        os.kill(draw.choice(found), signal.SIGKILL)
    output, _ = process.communicate()
    if process.returncode:
        raise SystemExit(output)
    return output.count("starting all again")


def main_of_workers(count, trials, seed, size):
    draw, identical, killed = random.Random(seed), 0, 0
    with tempfile.TemporaryDirectory() as place:
        os.chdir(place)
        write_recipe(size)
        train = "train", "recipe.yaml", "--workers", count, "--name"
        program(*train, "whole")
        lasts = RunFolder("runs/whole-001").read_metrics()[-1]["seconds"]
        for trial in range(trials):
            process = program(*train, f"cut{trial}", "--restarts", 3, wait=False)
            folder = pathlib.Path(f"runs/cut{trial}-001/checkpoints")
            killed += kill_a_worker(process, folder, draw.uniform(0, lasts), draw)
            identical += same("runs/whole-001", folder.parent)
        os.chdir("/")
    row = [count, killed, f"{identical} of {trials}"]
    common.table("A worker killed, and all begun again", ["workers", "kills", "identical at the end"], [row])
    sys.exit(identical < trials)


def write_recipe(size):
    path = pathlib.Path("recipe.yaml")
    settings = {"corpus": f"{{name: python_stdlib, max_bytes: {size}}}", **SETTINGS}
    path.write_text("".join(f"{key}: {value}\n" for key, value in settings.items()))
    return path


def main(replicas, trials, seed, size, longer):
    rows, draw, differ = [], random.Random(seed), 0
    for count in replicas:
        with tempfile.TemporaryDirectory() as place:
            os.chdir(place)
            train = "train", write_recipe(size), "--set", f"compute.replicas={count}", "--name"
            program(*train, "whole")
            whole = pathlib.Path("runs/whole-001")
            rows_of_whole = RunFolder(whole).read_metrics()
            lasts, epochs = rows_of_whole[-1]["seconds"], ("--epochs", len(rows_of_whole) + longer)
            if longer:
                program("resume", whole, *epochs)
            identical = torn = 0
            for trial in range(trials):
                run = pathlib.Path(f"runs/cut{trial}-001")
                process = program(*train, f"cut{trial}", wait=False)
                torn += kill(process, run / "checkpoints", draw.uniform(0, lasts), in_write=trial % 2 == 1)
                program("resume", run)
                if longer:
                    process, share = program("resume", run, *epochs, wait=False), longer / len(rows_of_whole)
                    torn += kill(process, run / "checkpoints", draw.uniform(0, lasts * share), in_write=trial % 2 == 1)
                    program("resume", run, *epochs)
                identical += same(whole, run)
            rows.append([count, trials * (2 if longer else 1), torn, f"{identical} of {trials}"])
            differ += trials - identical
            os.chdir("/")
    common.table(
        "Killed and resumed", ["replicas", "kills", "of them within a checkpoint's write", "identical at the end"], rows
    )
    sys.exit(differ > 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicas", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument(
        "--longer", metavar="EPOCHS", type=int, default=0, help="that they go on for when they have ended"
    )
    parser.add_argument("--workers", type=int, default=1, help="that train together")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--bytes", type=int, default=200_000, help="of the text")
    options = parser.parse_args()
    if options.workers > 1:
        main_of_workers(options.workers, options.trials, options.seed, options.bytes)
    main(options.replicas, options.trials, options.seed, options.bytes, options.longer)
