"""How much of a training step the optimizers take, Muon above all.

    python benchmarks/optimizers.py

Steps of batch 32 and length 64 on tiny-shakespeare, with sgd, which costs next to nothing, and with each optimizer, in
turn. A share is what a step with it takes longer than one with sgd, of the whole step.
"""

import argparse
import functools

import common


def main(optimizers, cell, units, layers, repeats, steps, batch, length):
    rows = []
    for size in units:
        for depth in layers:
            contenders = {
                name: functools.partial(
                    common.run,
                    "train_ours.py",
                    *(cell, size, depth, batch, length, steps, "auto", "--optimizer", name),
                )
                for name in ("sgd", *optimizers)
            }
            results = common.alternate(contenders, repeats)
            seconds = {name: 1 / common.median(each, "characters_per_second") for name, each in results.items()}
            for name in contenders:
                share = 1 - seconds["sgd"] / seconds[name]
                rows.append([f"{depth} x {cell} {size}", name, f"{1 / seconds[name]:,.0f}", f"{share:.1%}"])
    common.table("Optimizers, characters per second", ["model", "optimizer", "chars/s", "share of a step"], rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--optimizers", nargs="+", default=["adamw", "muon"])
    parser.add_argument("--cell", default="rms_norm_lstm")
    parser.add_argument("--units", nargs="+", type=int, default=[192])
    parser.add_argument("--layers", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--length", type=int, default=64)
    main(**vars(parser.parse_args()))
