"""Measure large studies whose fits are made: docs/scale.json and docs/scale.svg, see docs/scale.md."""

import argparse
from pathlib import Path

from mtbkd.bench.scale import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replicates", type=int, nargs="+", default=[10, 30, 100, 300, 1_000])
    parser.add_argument("--methods", type=int, default=50)
    parser.add_argument("--block-size", type=int, default=25)
    parser.add_argument("--whole", type=int, default=30, help="up to so many replicates, every job of the evaluation runs")
    parser.add_argument("--keep", type=Path, help="folder for the studies; the same command resumes them")
    parser.add_argument("--out", type=Path, default=Path("docs/scale.json"))
    asked = parser.parse_args()
    run(asked.replicates, asked.methods, asked.block_size, asked.whole, asked.out, asked.keep)
