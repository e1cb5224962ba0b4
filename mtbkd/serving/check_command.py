"""The options of `mtbkd check`; what it does is in ``own_table``, imported when it runs."""

import argparse
from typing import Any

from mtbkd.serving.fit_command import add_table_options

ABOUT = """\
Show what `mtbkd fit` would read from a table and from teachers' files, in seconds and without fitting: rows, features, classes,
splits, covered rows, the accuracy of each teacher, and what looks suspicious (features that give the label away; teachers whose
ids are shuffled, whose class columns are permuted, that are constant, always right, or copies). Lists all mistakes at once.

example: mtbkd check table.csv --label y --id name --teachers forest.csv boosting.parquet

hints: a setting that a message names, such as `impute: median`, is an option here: --impute median

exit status: 0 it can be fitted, 1 mistakes, one line each
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd check`."""
    own = commands.add_parser(
        "check", help="what would be read from a table and its teachers, and what looks wrong", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_table_options(own)
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    from mtbkd.serving import own_table

    return own_table.check(asked)
