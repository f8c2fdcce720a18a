"""How fast is training, against Keras's own layers and PyTorch's?

    python benchmarks/training.py [--torch PYTHON] [--precision float32]
    python benchmarks/training.py --cells lstm gru --units 512 1024 --batch 256 --length 128 --loop

Two layers, batch 50, windows of 50, embedding 64, Adam, clipping at 5: the steady rate in characters a second, medians
of alternating runs, each in a process of its own. PyTorch is taken at the better of float32 and bfloat16 autocast, with
`--precision float32` in float32 as we are; give the interpreter of an environment that has it. Where there is a GPU all
use it: PyTorch and Keras by cuDNN's kernels, and so do we, with `--loop` by our own loop too. The share is that of the
machine's own rate in a product of 2048 x 2048 matrices, in the same precision and process.
"""

import argparse
import math
import sys

import common

LAYERS = 2
CELLS = ("lstm", "gru", "simple_rnn", "users_lstm")


def steps(units):
    """Enough for a median, few enough for the larger sizes."""
    return max(20, 40_000 // units)


def contenders(cell, units, batch, length, python, scale, precision, loop):
    sizes = cell, units, LAYERS, batch, length, max(20, int(steps(units) * scale))
    found = {
        "ours": lambda: common.run("train_ours.py", *sizes, precision, "--share"),
        "keras": lambda: common.run("train_keras.py", *sizes),
    }
    if loop:
        found["our loop"] = lambda: common.run("train_ours.py", *sizes, precision, "--loop")
    if cell == "users_lstm":
        found["lstm"] = lambda: common.run("train_ours.py", "lstm", *sizes[1:], precision)
    else:
        for each in ("float32", "bfloat16") if precision == "auto" else (precision,):
            found[f"torch {each}"] = lambda each=each: common.run("train_torch.py", *sizes, each, python=python)
    return found


def main(cells, units, batch, length, repeats, torch, scale, precision, loop):
    rows, against_torch, against_lstm = [], {}, {}
    for cell in cells:
        for size in units:
            results = common.alternate(contenders(cell, size, batch, length, torch, scale, precision, loop), repeats)
            rate = {name: common.median(each, "characters_per_second") for name, each in results.items()}
            ours, keras, lstm = rate.pop("ours"), rate.pop("keras"), rate.pop("lstm", None)
            own = rate.pop("our loop", None)
            best = max((each for each in rate.values() if each), default=None)
            if lstm:
                against_lstm[size] = ours / lstm
            if best:
                against_torch.setdefault(cell, []).append(ours / best)
            share = common.median(results["ours"], "share")
            rows.append(
                [cell, size, f"{ours:,.0f}", common.ratio(ours, keras), common.ratio(ours, best), f"{share:.0%}"]
            )
            if loop:
                rows[-1].insert(3, f"{own:,.0f}")
            torch_rates = {name: each and round(each) for name, each in rate.items()}
            print(*rows[-1], torch_rates, file=sys.stderr, flush=True)
    columns = ["cell", "units", "characters/s", *(["our loop"] if loop else [])]
    columns += ["against Keras", "against PyTorch", "share of the machine's rate"]
    common.table("Training", columns, rows)
    for cell, ratios in against_torch.items():
        print(f"{cell} against PyTorch, geometric mean: {math.prod(ratios) ** (1 / len(ratios)):.2f}")
    for size, ratio in against_lstm.items():
        print(f"a user's cell against the built-in lstm, {size} units: {ratio:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--units", nargs="+", type=int, default=(128, 256, 512))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--torch", metavar="PYTHON", default=sys.executable, help="interpreter that has PyTorch")
    parser.add_argument("--scale", type=float, default=1.0, help="of the number of steps; for a first look")
    parser.add_argument("--length", type=int, default=50, help="of a window")
    parser.add_argument("--batch", type=int, default=50)
    parser.add_argument("--loop", action="store_true", help="also, on a GPU, ours without cuDNN's kernels")
    parser.add_argument("--precision", choices=("auto", "float32"), default="auto")
    main(**vars(parser.parse_args()))
