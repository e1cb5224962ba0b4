"""The options of `mtbkd compare`; what it does is in ``report.two_runs`` and ``report.reference``, imported when it runs."""

from pathlib import Path

import click

from mtbkd.serving.terminal import PATH, Command, aligned, option

SUMMARY = ".csv"
AFTER = """\
\b
examples:
  mtbkd compare results/demo ../other/results/demo --out moved.html
  mtbkd compare results/demo tests/reference/demo.csv
  mtbkd compare results/demo --write tests/reference/demo.csv

exit status: 0 no score moved beyond noise, 1 some did, are missing, or cannot be compared, 2 a wrong option
"""


@click.command(cls=Command, epilog=AFTER, short_help="Which scores moved beyond noise, in another run or since a reference.")
@click.argument("first", type=PATH)
@click.argument("second", type=PATH, required=False)
@option("--out", type=PATH, default=None, help="An HTML page of all scores to write.")
@option("--write", type=PATH, default=None, help="A reference summary of FIRST to write (.csv).")
def command(first: Path, second: Path | None, out: Path | None, write: Path | None) -> int:
    """Compare the scores of two runs of a study: which moved beyond the noise of their replicates.

    FIRST is, for example, results/demo; SECOND is the same study, run with other code, settings or on another machine.
    Replicates are paired where both runs drew the same data and seeds. p-values are corrected over all scores (Holm).

    SECOND may be a reference summary (.csv), which has the mean and standard error of every score. A score has moved where the
    means differ by more than two standard errors. Scores that the reference lacks are listed; scores that the run lacks fail.
    """
    if (second is None) == (write is None):
        raise click.UsageError("expected either SECOND or --write.")
    if out and (second is None or second.suffix == SUMMARY):
        raise click.UsageError("--out: only for two folders of results.")
    if write:
        return _write(first, write)
    assert second is not None
    return _with_summary(first, second) if second.suffix == SUMMARY else _two_runs(first, second, out)


def _write(folder: Path, path: Path) -> int:
    from mtbkd.report import reference
    from mtbkd.report.numbers import count

    if path.suffix != SUMMARY:
        raise click.UsageError(f"--write: found {path}; expected a name that ends in {SUMMARY}.")
    print(f"{path}: {count(reference.write(folder, path), 'score')}")
    return 0


def _with_summary(folder: Path, path: Path) -> int:
    from mtbkd.evaluation.reference import BROKEN
    from mtbkd.report import reference
    from mtbkd.report.numbers import count, show

    found = reference.compare(folder, path)
    rows = [("experiment", "method", "score", "reference", "run", "difference", "allowed", "n", "")]
    rows += [
        (each.experiment, each.method, each.metric, show(each.mean), show(each.mean_run), show(each.difference, signed=True),
         show(each.allowed), f"{each.n:g} and {each.n_run:g}", each.held)
        for each in found[found["held"].isin(["moved", "other replicates"])].itertuples()
    ]  # fmt: skip
    if len(rows) > 1:
        print("\n".join(aligned(rows)))
    for held, place in (("missing", folder), ("new", path)):
        for experiment, own in found[found["held"] == held].groupby("experiment"):
            methods = own.groupby("method").size().items()
            print(f"not in {place}: {experiment}: {'; '.join(f'{name} ({count(n, "score")})' for name, n in methods)}")
    words = [f"{sum(found['held'] == word)} {word}" for word in BROKEN]
    print(f"{count(sum(found['held'] != 'new'), 'score')} of {path} compared: {', '.join(words)}")
    return int(found["held"].isin(BROKEN).any())


def _two_runs(first: Path, second: Path, out: Path | None) -> int:
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
