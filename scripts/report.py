"""Rule ``report``: the study's page, its manifest and its summary tables."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.report.build import build_report

if __name__ == "__main__":
    with job() as rule:
        build_report(**rule.params.spec, out=Path(rule.output.page).parent)
