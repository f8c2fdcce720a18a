"""How fast is generation, against PyTorch's usual loop?

    python benchmarks/generation.py [--torch PYTHON]

Two layers of LSTM, characters a second, medians of alternating runs, each in a process of its own: one text, the same
streamed, 64 texts side by side, and a prefix of 1,000 characters that is read. Then, as shares of these rates: texts
that must match a regular expression, one and 64 of them; and 64 prefixes of 1 to 100 characters in one batch, against
64 samples of one prefix, both with the nats of each. PyTorch makes one text, a character at a time; give the
interpreter of an environment that has it.
"""

import argparse
import sys

import common


def contenders(units, characters, python):
    return {
        "ours": lambda: common.run("generate_ours.py", units, 2, characters),
        "torch": lambda: common.run("generate_torch.py", units, 2, max(50, characters // 10), python=python),
    }


def main(units, characters, repeats, python):
    rows = []
    for size in units:
        results = common.alternate(contenders(size, characters, python), repeats)
        torch = common.median(results["torch"], "characters_per_second")
        kinds = ("one", "streamed", "many", "prefix", "ruled", "many_ruled", "told", "prefixes")
        ours = {kind: common.median(results["ours"], kind) for kind in kinds}
        one, many = ours["one"], ours["many"]
        shares = (ours["ruled"] / one, ours["many_ruled"] / many, ours["prefixes"] / ours["told"])
        row = [size, f"{one:,.0f}", common.ratio(one, torch), f"{ours['streamed'] / one:.2f}", f"{many:,.0f}"]
        rows.append([*row, f"{ours['prefix']:,.0f}", *(f"{share:.2f}" for share in shares)])
    columns = [
        "units",
        "one text, characters/s",
        "against PyTorch",
        "streamed, share of that",
        "64 texts, characters/s",
        "prefix, characters/s",
        "by a pattern, share",
        "64 by a pattern, share",
        "64 prefixes, share",
    ]
    common.table("Generation", columns, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--units", nargs="+", type=int, default=(128, 512))
    parser.add_argument("--characters", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--torch", metavar="PYTHON", default=sys.executable, help="interpreter that has PyTorch")
    options = parser.parse_args()
    main(options.units, options.characters, options.repeats, options.torch)
