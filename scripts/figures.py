"""Rule ``figures``: draw all figures of a study."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.report.figures.catalogue import draw_all

if __name__ == "__main__":
    with job() as rule:
        given, folder = rule.params, Path(rule.output.captions).parent
        draw_all(given.experiments, given.study, given.questions, folder, rule.threads)
