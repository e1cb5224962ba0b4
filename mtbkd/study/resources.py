"""Memory and minutes that jobs ask of a cluster, by the size of the study; on one machine nobody reads them.

Measured on studies of up to 10 replicates: an interpreter with torch or PyMC takes 0.7 to 1 GB and arrays come on top; the
longest fit took 9 minutes. The limits are generous, because SLURM kills a job that exceeds one; the next attempt asks for twice
as much.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING

from mtbkd.base import registry
from mtbkd.study.checking.experiments import sized_fits
from mtbkd.study.extent import Need, examples_of, need_of_fit

if TYPE_CHECKING:
    from mtbkd.study.models import Config
    from mtbkd.study.planned import DataPlan

INTERPRETER_MB = 1_500
COPIES = 3  # of the largest group of arrays, while a job works on it


def needs_of_fits(config: "Config", study: str) -> Iterator[tuple[tuple[str, str], Need, int]]:
    """((experiment, method), its largest array, parameters of its student), where the settings tell the size."""
    for title, name, size, shape in sized_fits(config, study):
        chosen = config.studies[study]
        yield (title, name), need_of_fit(config, chosen, chosen.experiments[title], name, size, shape), size[0]


def gigabytes_of_data(data: "DataPlan | None", replicates: int) -> float:
    """Features of one block in 10^9 bytes; 0 where the settings do not tell."""
    if data is None:
        return 0.0
    part = registry.part("dataset", data.kind)
    shape = part.describe(part.Settings.model_validate(data.settings))
    width = math.prod(shape.features) if shape else 0
    return 4e-9 * (replicates if data.redrawn else 1) * examples_of(data.settings) * width


def megabytes(gigabytes: float, attempt: int) -> int:
    """Memory of a job whose largest group of arrays has so many 10^9 bytes."""
    return attempt * (INTERPRETER_MB + math.ceil(1_000 * COPIES * gigabytes))


def minutes(replicates: int, examples: int, params: int, attempt: int) -> int:
    """Time of a fit, a teacher or a part of a question, of one block."""
    return attempt * (30 + math.ceil(replicates * (2 + examples / 10_000 + params / 5_000)))


def evaluation(replicates: int, methods: int, examples: int, attempt: int) -> tuple[int, int]:
    """Megabytes and minutes of an experiment's evaluation: about 0.4 MB and 0.1 s a replicate, method and 10,000 examples."""
    cells = replicates * methods * max(1.0, examples / 10_000)
    return attempt * (INTERPRETER_MB + math.ceil(cells)), attempt * (30 + math.ceil(cells / 60))


def joining(replicates: int, methods: int, attempt: int) -> tuple[int, int]:
    """Megabytes and minutes of the job that joins the parts of an experiment's evaluation: scores of all replicates."""
    cells = replicates * methods
    return attempt * (INTERPRETER_MB + math.ceil(cells / 50)), attempt * (30 + math.ceil(cells / 1_000))


def showing(cells: int, attempt: int) -> tuple[int, int]:
    """Megabytes and minutes of figures and of the report of so many replicates of methods."""
    return attempt * (2_000 + math.ceil(cells / 50)), attempt * (30 + math.ceil(cells / 1_000))
