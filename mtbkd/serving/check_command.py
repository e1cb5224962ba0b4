"""The options of `mtbkd check`; what it does is in ``own_table``, imported when it runs."""

import argparse
from typing import Any

from mtbkd.serving.fit_command import add_table_options

ABOUT = """\
Say what `mtbkd fit` would read of a table and of teachers' files: rows, columns, classes, splits, covered rows, how often each
teacher is right, and what looks suspicious. Every mistake is named, not only the first.

exit status: 0 it can be fitted, 1 mistakes, a line each
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd check`."""
    own = commands.add_parser(
        "check", help="what would be read of a table and its teachers, and what looks wrong", description=ABOUT,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_table_options(own)
    own.set_defaults(run=_run)


def _run(asked: argparse.Namespace) -> int:
    from mtbkd.serving import own_table

    return own_table.check(asked)
