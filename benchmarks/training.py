"""How fast is training, against Keras's own layers and PyTorch's?

    python benchmarks/training.py [--torch PYTHON]

Two layers, batch 50, windows of 50, embedding 64, Adam, clipping at 5: the steady rate in characters a second, medians
of alternating runs, each in a process of its own. PyTorch is taken at the better of float32 and bfloat16 autocast; give
the interpreter of an environment that has it. The share is that of the machine's own rate in a product of 2048 x 2048
matrices, in the same precision and process.
"""

import argparse
import math
import sys

import common

LAYERS, BATCH = 2, 50
CELLS = ("lstm", "gru", "simple_rnn", "users_lstm")


def steps(units):
    """Enough for a median, few enough for the larger sizes."""
    return max(20, 40_000 // units)


def contenders(cell, units, length, python, scale):
    sizes = cell, units, LAYERS, BATCH, length, max(20, int(steps(units) * scale))
    found = {
        "ours": lambda: common.run("train_ours.py", *sizes, "auto", "--share"),
        "keras": lambda: common.run("train_keras.py", *sizes),
    }
    if cell == "users_lstm":
        found["lstm"] = lambda: common.run("train_ours.py", "lstm", *sizes[1:], "auto")
    else:
        for precision in ("float32", "bfloat16"):
            found[f"torch {precision}"] = lambda precision=precision: common.run(
                "train_torch.py", *sizes, precision, python=python
            )
    return found


def main(cells, units, length, repeats, python, scale):
    rows, against_torch, against_lstm = [], {}, {}
    for cell in cells:
        for size in units:
            results = common.alternate(contenders(cell, size, length, python, scale), repeats)
            rate = {name: common.median(each, "characters_per_second") for name, each in results.items()}
            ours, keras, lstm = rate.pop("ours"), rate.pop("keras"), rate.pop("lstm", None)
            torch = max((each for each in rate.values() if each), default=None)
            if lstm:
                against_lstm[size] = ours / lstm
            if torch:
                against_torch.setdefault(cell, []).append(ours / torch)
            share = common.median(results["ours"], "share")
            rows.append(
                [cell, size, f"{ours:,.0f}", common.ratio(ours, keras), common.ratio(ours, torch), f"{share:.0%}"]
            )
            torch_rates = {name: each and round(each) for name, each in rate.items()}
            print(*rows[-1], torch_rates, file=sys.stderr, flush=True)
    columns = ["cell", "units", "characters/s", "against Keras", "against PyTorch", "share of the machine's rate"]
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
    options = parser.parse_args()
    main(options.cells, options.units, options.length, options.repeats, options.torch, options.scale)
