"""Rule ``exact``: judge one method against posteriors that are known."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.questions.exact.judging import judge_files

if __name__ == "__main__":
    with job() as rule:
        judge_files(rule.params.spec, Path(rule.output[0]).parent)
