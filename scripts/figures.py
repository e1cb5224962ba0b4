"""Rule ``figures``: draw all figures of a study."""

from pathlib import Path

from mtbkd.figures.catalogue import draw_all
from mtbkd.job import job

if __name__ == "__main__":
    with job() as rule:
        draw_all(rule.params.experiments, rule.params.study, rule.params.analyses, Path(rule.output.captions).parent)
