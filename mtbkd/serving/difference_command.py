"""The options of `mtbkd diff`; what it does is in ``difference``, imported when it runs: a command line must start at once."""

from pathlib import Path

import click

from mtbkd.serving.terminal import PATH, Command, Share, option

AFTER = """\
\b
example:
  mtbkd diff results/demo ../other/results/demo --tolerance 1e-6

exit status: 0 no difference, 1 differences (a line each) or folders that cannot be compared, 2 a wrong option
"""


@click.command(cls=Command, epilog=AFTER, short_help="Compare two folders of results number by number.")
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@option("--tolerance", type=Share(0, 1, max_open=True), default=0.0, help="Relative difference of numbers to ignore.")
def command(first: Path, second: Path, tolerance: float) -> int:
    """Compare two folders of results file by file and number by number: tables (.parquet, .csv), draws (.nc), data and logits
    (.safetensors). Run times, logs, figures, pages, cards and manifests are left out.

    FIRST is, for example, results/demo; SECOND is the same study, run with other code, settings or on another machine.
    """
    from mtbkd.contracts.difference import differences

    count, lines = differences(first, second, tolerance)
    print(*lines, f"{count:,} files compared: " + (f"{len(lines):,} differences" if lines else "no difference"), sep="\n")
    return int(bool(lines))
