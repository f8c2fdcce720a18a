"""How fast is the training of a cell whose recurrence is linear, against that of gated recurrent units?

    python benchmarks/linear.py

Long windows of few rows, where a loop over time has the least to do in each step: batch 8, windows of 512, embedding
64, Adam, clipping at 5; the steady rate in characters a second, medians of alternating runs, each in a process of its
own.
"""

import argparse
import sys

import common

BATCH = 8
CELLS = ("min_gru", "min_lstm", "rg_lru")


def contenders(cells, units, layers, length, steps):
    sizes = units, layers, BATCH, length, steps
    found = {cell: lambda cell=cell: common.run("train_ours.py", cell, *sizes, "auto") for cell in (*cells, "gru")}
    return {**found, "keras": lambda: common.run("train_keras.py", "gru", *sizes)}


def main(cells, units, layers, length, repeats, steps):
    rows = []
    for size in units:
        for count in layers:
            results = common.alternate(contenders(cells, size, count, length, steps), repeats)
            rate = {name: common.median(each, "characters_per_second") for name, each in results.items()}
            for cell in (*cells, "gru"):
                ratios = common.ratio(rate[cell], rate["gru"]), common.ratio(rate[cell], rate["keras"])
                rows.append([cell, size, count, f"{rate[cell]:,.0f}", *ratios])
                print(*rows[-1], file=sys.stderr, flush=True)
    columns = ["cell", "units", "layers", "characters/s", "against our gru", "against Keras's gru"]
    common.table("Linear recurrences in training", columns, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", choices=CELLS, default=CELLS)
    parser.add_argument("--units", nargs="+", type=int, default=(256,))
    parser.add_argument("--layers", nargs="+", type=int, default=(1, 2))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--length", type=int, default=512, help="of a window")
    options = parser.parse_args()
    main(options.cells, options.units, options.layers, options.length, options.repeats, options.steps)
