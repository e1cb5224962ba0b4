"""Rule ``download``: fetch one raw file."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.data.downloads import fetch

if __name__ == "__main__":
    with job() as rule:
        fetch([rule.params.key], Path(rule.output[0]).parents[1])
