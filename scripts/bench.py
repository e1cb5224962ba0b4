"""``make bench``: measure speed and size and write results/benchmark.json."""

import argparse
from pathlib import Path

from mtbkd.bench import run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", help="also time this study from nothing, with cold compilation caches")
    parser.add_argument("--out", type=Path, default=Path("results/benchmark.json"))
    arguments = parser.parse_args()
    run(arguments.out, arguments.study)
