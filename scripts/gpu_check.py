"""``make gpu-check``: does all of it run on this machine's GPU, to the same result, and how fast?"""

import argparse
import sys
from pathlib import Path

from mtbkd.base.errors import MtbkdError
from mtbkd.bench.gpu import DOCS, PARTS, run

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda", help="cpu rehearses everything with small sizes")
    parser.add_argument("--parts", nargs="+", default=list(PARTS), help=f"some of: {', '.join(PARTS)}")
    parser.add_argument("--out", type=Path, help="folder of gpu.json and gpu.md; docs for cuda, results/gpu-check for cpu")
    arguments = parser.parse_args()
    out = arguments.out or (DOCS if arguments.device == "cuda" else Path("results/gpu-check"))
    try:
        sys.exit(0 if run(arguments.device, out, arguments.parts) else 1)
    except MtbkdError as error:
        sys.exit(f"gpu-check: {error}")
