"""Rules ``figures_<owner>``: draw an owner's figures, or those of them that are asked for."""

from pathlib import Path

from mtbkd.base.job import job
from mtbkd.report.figures.catalogue import draw

if __name__ == "__main__":
    with job() as rule:
        files = [Path(file) for file in rule.output]
        draw(rule.params.owner, files[0].parent, {file.stem for file in files})
