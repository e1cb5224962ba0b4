"""The options of `mtbkd compare`; what it does is in ``report.two_runs``, imported when it runs."""

from pathlib import Path

import click

from mtbkd.serving.terminal import PATH, Command, aligned, option

AFTER = """\
\b
example:
  mtbkd compare results/demo ../other/results/demo --out moved.html

exit status: 0 no score moved beyond noise, 1 some did or the runs cannot be compared, 2 a wrong option
"""


@click.command(cls=Command, epilog=AFTER, short_help="Which scores of two runs differ beyond noise.")
@click.argument("first", type=PATH)
@click.argument("second", type=PATH)
@option("--out", type=PATH, default=None, help="An HTML page of all scores to write.")
def command(first: Path, second: Path, out: Path | None) -> int:
    """Compare the scores of two runs of a study: which moved beyond the noise of their replicates.

    FIRST is, for example, results/demo; SECOND is the same study, run with other code, settings or on another machine.
    Replicates are paired where both runs drew the same data and seeds. p-values are corrected over all scores (Holm).
    """
    from mtbkd.report import two_runs
    from mtbkd.report.numbers import show, show_interval

    found = two_runs.compare(first, second)
    for remark in found.remarks:
        print(remark)
    rows = [("experiment", "method", "score", "first", "second", "difference", "p")]
    for each in found.beyond_noise:
        change = f"{show(each.change.difference, signed=True)} {show_interval(each.change.low, each.change.high, True)}"
        better = {True: " (better)", False: " (worse)", None: ""}[each.better]
        rows.append((each.experiment, each.method, each.metric, show(each.first), show(each.second), change + better,
                     f"{each.p_holm:.2g}"))  # fmt: skip
    if len(rows) > 1:
        print("\n".join(aligned(rows)))
    print(two_runs.summary(found))
    if out:
        two_runs.write_page(found, out)
    return int(bool(found.beyond_noise))
