"""The options of `mtbkd check`; what it does is in ``own_table``, imported when it runs."""

from types import SimpleNamespace
from typing import Any

import click

from mtbkd.serving.fit_command import HINT, table_options
from mtbkd.serving.terminal import Command

AFTER = f"""\
{HINT}

\b
example:
  mtbkd check table.csv --label y --id name --teachers forest.csv boosting.parquet

exit status: 0 it can be fitted, 1 mistakes, one line each, 2 a wrong option
"""


@click.command(cls=Command, epilog=AFTER, short_help="What would be read from a table and its teachers, and what looks wrong.")
@table_options
def command(**asked: Any) -> int:
    """Show what `mtbkd fit` would read from TABLE and from teachers' files, in seconds and without fitting: rows, features,
    classes, splits, covered rows, the accuracy of each teacher, and what looks suspicious (features that give the label away;
    teachers whose ids are shuffled, whose class columns are permuted, that are constant, always right, or copies). Lists all
    mistakes at once.
    """
    from mtbkd.serving import own_table

    return own_table.check(SimpleNamespace(**asked))
