"""Rule ``figures``: draw all figures of a study."""

from pathlib import Path

from mtbkd.figures.catalogue import draw_all
from mtbkd.job import job

if __name__ == "__main__":
    with job() as rule:
        given, folder = rule.params, Path(rule.output.captions).parent
        draw_all(given.experiments, given.study, given.analyses, folder, rule.threads)
