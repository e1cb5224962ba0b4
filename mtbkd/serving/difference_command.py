"""The options of `mtbkd diff`; what it does is in ``difference``, imported when it runs: a command line must start at once."""

import argparse
from pathlib import Path
from typing import Any

from mtbkd.base.errors import ContractError

ABOUT = """\
Compare two folders of results file by file and number by number: tables (.parquet, .csv), draws (.nc), data and logits
(.safetensors). Run times, logs, figures, pages, cards and manifests are left out.

exit status: 0 no difference, 1 differences (a line each) or folders that cannot be compared
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd diff`."""
    own = commands.add_parser(
        "diff", help="compare two folders of results", description=ABOUT, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    own.add_argument("first", type=Path, help="for example results/demo")
    own.add_argument("second", type=Path, help="the same study, run with other code, settings or on another machine")
    own.add_argument("--tolerance", type=float, default=0.0, help="relative difference of numbers to ignore (default: 0)")
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    if not 0 <= asked.tolerance < 1:
        raise ContractError("--tolerance", "value", str(asked.tolerance), "a number from 0 to below 1")
    from mtbkd.contracts.difference import differences

    count, lines = differences(asked.first, asked.second, asked.tolerance)
    for line in lines:
        print(line)
    print(f"{count:,} files compared: {len(lines):,} differences" if lines else f"{count:,} files compared: no difference")
    return int(bool(lines))
