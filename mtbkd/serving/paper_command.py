"""`mtbkd paper`: the papers' tables and figures by name, and what makes them."""

import click

from mtbkd.serving.terminal import Command

AFTER = """\
\b
examples:
  mtbkd paper                              what there is, and what was made in this folder
  mtbkd paper mtbkd_table1                 what is printed, what is not stated, what we chose
  snakemake --cores all mtbkd_table1       make it; in any other folder: mtbkd run mtbkd_table1 --cores 2

exit status: 0, or 1 for a name that is none
"""


@click.command(cls=Command, epilog=AFTER, short_help="Tables and figures of the papers, and how to make them.")
@click.argument("item", required=False)
def command(item: str | None) -> None:
    """List the printed tables and figures that a study makes, or tell about ITEM. Each is a study of its own: its page, with
    printed numbers beside ours, will be results/ITEM/report.html.
    """
    from mtbkd.serving import papers

    print(*(papers.listed() if item is None else papers.told(item)), sep="\n")
