"""What the benchmarks share: contenders in processes of their own, alternating runs, medians, tables."""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import rich.box
import rich.console
import rich.table

from keras_charrnn.engine import compute

ROOT = pathlib.Path(__file__).parents[1]
CONTENDER = "contender: "  # begins the line with a contender's figures


def run(script, *arguments, python=sys.executable, environment=None):
    """Run a contender's program; return its figures, or None where the interpreter lacks what it needs.

    Raises:
        SystemExit: If it fails.
    """
    command = [str(each) for each in (python, pathlib.Path(__file__).with_name(script), *arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", **(environment or {})}
    )
    if "No module named 'torch'" in done.stderr:
        return None
    lines = [line for line in done.stdout.splitlines() if line.startswith(CONTENDER)]
    if done.returncode or not lines:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return json.loads(lines[-1].removeprefix(CONTENDER))


def execute(checkout, folder, *arguments):
    """Run the program of a checkout in a folder; return the seconds that it took.

    Raises:
        SystemExit: If it fails.
    """
    began = time.perf_counter()
    environment = {**os.environ, "PYTHONPATH": str(checkout)}
    command = [sys.executable, "-m", "keras_charrnn", *map(str, arguments)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed in {checkout}:\n{done.stdout}{done.stderr}")
    return time.perf_counter() - began


def alternate(contenders, repeats):
    """Run {name: function} in turn, `repeats` times; return {name: list of results}, [] where one is missing."""
    results = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, contender in contenders.items():
            result = contender()
            if result is not None:
                results[name].append(result)
    return results


def median(results, figure):
    """Return the median of one figure of a list of results, or None where there are none."""
    return statistics.median(each[figure] for each in results) if results else None


def ratio(ours, theirs):
    """Return ours / theirs as text, "missing" where there is no peer."""
    return f"{ours / theirs:.2f}" if theirs else "missing"


def table(title, columns, rows):
    """Print a table, and the machine it was measured on."""
    console = rich.console.Console(width=max(100, rich.console.Console().width))
    shown = rich.table.Table(*columns, title=title, box=rich.box.MARKDOWN, title_justify="left")
    for row in rows:
        shown.add_row(*map(str, row))
    console.print(shown)
    console.print(f"{compute.processor_name()}, {len(os.sched_getaffinity(0))} cores", highlight=False)
