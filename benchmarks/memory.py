"""How much memory does training need, against Keras's own layers, and does it grow?

    python benchmarks/memory.py

The peak of the process, LSTM, 2 layers, batch 50, windows of 50; and what an epoch adds to ours, after the first.
"""

import argparse

import common


def main(units, length, steps):
    rows = []
    for size in units:
        sizes = "lstm", size, 2, 50, length, steps
        ours, keras = common.run("train_ours.py", *sizes, "auto"), common.run("train_keras.py", *sizes)
        peaks = [f"{each['peak_megabytes']:,.0f} MB" for each in (ours, keras)]
        rows.append([size, *peaks, common.ratio(ours["peak_megabytes"], keras["peak_megabytes"]),
                     f"{ours['grown_megabytes']:,.1f} MB"])  # fmt: skip
    common.table("Memory", ["units", "ours", "Keras", "ours against Keras", "grown by a second epoch"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", nargs="+", type=int, default=(128, 512))
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--length", type=int, default=50, help="of a window")
    options = parser.parse_args()
    main(options.units, options.length, options.steps)
