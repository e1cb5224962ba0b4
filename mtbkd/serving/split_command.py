"""The options of `mtbkd split`; what it does is in ``mtbkd.data.datasets.splitting``, imported when it runs."""

from types import SimpleNamespace
from typing import Any

import click

from mtbkd.serving.fit_command import cells, given
from mtbkd.serving.terminal import PATH, Command, Words, option

AFTER = """\
\b
examples:
  mtbkd split table.csv --label y --id name --out splits.csv
  mtbkd split table.csv --label y --group patient --out splits.csv
  mtbkd split table.csv --label y --domain hospital --held-out North --out splits.csv
"""


@click.command(cls=Command, epilog=AFTER, short_help="Draw the training, validation and test rows of a table.")
@given
@option("--group", metavar="COL", help="Column of groups that must not stand in two splits, such as the patient.")
@option("--domain", metavar="COL", help="Column of domains, such as the hospital: the same shares in every class of each.")
@option("--held-out", type=Words(least=1), metavar="NAME...",
        help="Domains that nobody learns from: each is a split of its own, ood:NAME.")  # fmt: skip
@option("--out", type=PATH, required=True, help="Where to write the columns id and split; no file that exists.")
@cells
def command(**asked: Any) -> None:
    """Draw the train, val and test rows of TABLE, a CSV file, plain or .gz (60, 20 and 20 %, the same in every class) before
    any teacher is trained. Train teachers on the rows of 'train' only and tune them on 'val'. Then give the file to `mtbkd fit
    --splits`, or name it in config.yaml:

    \b
      datasets:
        mine: {kind: table, settings: {path: table.csv, label: y, splits: splits.csv}}
    """
    from mtbkd.data.datasets import splitting

    splitting.run(SimpleNamespace(**asked))
