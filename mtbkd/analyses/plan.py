"""An analysis resolved into what the workflow needs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbkd.blocks import SINGLE

if TYPE_CHECKING:
    from mtbkd.plan import DataPlan, TeacherPlan


@dataclass(frozen=True)
class AnalysisPlan:
    """One analysis of a study.

    Attributes:
        name: as in config.yaml.
        kind: the module of mtbkd/analyses.
        settings: JSON-able, with defaults.
        seed: base of its seeds.
        device: auto, cpu or cuda.
        replicates: how many.
        blocks: blocks of replicates.
        data: its dataset, or None.
        teachers: in the order of config.yaml, () where it reads none.
        student: {architecture, settings}, or None.
        experiment: the experiment whose draws it reads, or None.
        methods: those of the experiment, () where it reads no draws.
        posterior: shared setting -> candidates.
        training: content of ``mtbkd.optimise.Training``.
        raw: keys of the raw files that it reads.
        tables: names of the tables that it writes.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    seed: int
    device: str
    replicates: int
    blocks: tuple[str, ...]
    data: "DataPlan | None"
    teachers: "tuple[TeacherPlan, ...]"
    student: dict[str, Any] | None
    experiment: str | None
    methods: tuple[str, ...]
    posterior: Mapping[str, Any]
    training: Mapping[str, Any]
    raw: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def data_blocks(self) -> tuple[str, ...]:
        """Blocks of data and logits, each once."""
        if self.data is None:
            return ()
        return self.blocks if self.data.simulated else (SINGLE,)
