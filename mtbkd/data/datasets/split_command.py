"""The options of `mtbkd split`; what it does is in ``splitting``, imported when it runs: a command line must start at once."""

import argparse
from pathlib import Path
from typing import Any

ABOUT = """\
Draw the train, val and test rows of a table (60, 20 and 20 %, the same in every class) before any teacher is trained.
Train teachers on the rows of 'train' only and tune them on 'val'. Then give the file to `mtbkd fit --splits`, or name it in
config.yaml:

  datasets:
    mine: {kind: table, settings: {path: table.csv, label: y, splits: splits.csv}}

examples:
  mtbkd split table.csv --label y --id name --out splits.csv
  mtbkd split table.csv --label y --group patient --out splits.csv
  mtbkd split table.csv --label y --domain hospital --held-out North --out splits.csv
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd split`."""
    own = commands.add_parser(
        "split", help="draw the training, validation and test rows of a table", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    own.add_argument("table", type=Path, help="the CSV file, plain or .gz")
    own.add_argument("--label", required=True, help="column of the class")
    own.add_argument("--id", help="column of the ids (default: row numbers from 0)")
    own.add_argument("--group", metavar="COL", help="column of groups that must not stand in two splits, such as the patient")
    own.add_argument("--domain", metavar="COL", help="column of domains, such as the hospital: the same shares in every "
                     "class of every domain")  # fmt: skip
    own.add_argument("--held-out", nargs="+", metavar="NAME", help="domains that nobody learns from: each is a split of "
                     "its own, ood:NAME")  # fmt: skip
    own.add_argument("--seed", type=int, default=0, help="seed of the draw (default: 0)")
    own.add_argument("--separator", default=",", help="character between cells (default: a comma)")
    own.add_argument("--encoding", help="encoding of the file (default: UTF-8)")
    own.add_argument("--missing", nargs="*", metavar="WORD", help="words that mean 'no label'")
    own.add_argument("--out", type=Path, required=True, help="where to write the columns id and split; no file that exists")
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> None:
    from mtbkd.data.datasets import splitting

    splitting.run(asked)
