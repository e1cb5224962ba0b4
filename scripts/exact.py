"""Rule ``exact``: judge one method against posteriors that are known."""

from pathlib import Path

from mtbkd.exact.judging import judge_files
from mtbkd.job import job

if __name__ == "__main__":
    with job() as rule:
        judge_files(rule.params.spec, Path(rule.output[0]).parent)
