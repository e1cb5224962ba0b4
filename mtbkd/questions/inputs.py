"""What a question may read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.blocks import SINGLE
from mtbkd.base.frames import Frame, read_table
from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from mtbkd.inference.optimise import Training

if TYPE_CHECKING:
    from mtbkd.students import Student


@dataclass(frozen=True)
class Inputs:
    """What a question may read; files are read when they are asked for.

    Attributes:
        name: as in config.yaml.
        seed: base of every seed, see ``mtbkd.base.seeds``.
        device: auto, cpu or cuda.
        replicates: how many.
        blocks: blocks of replicates; those of an experiment's draws where there is one.
        methods: methods of the experiment, () without one.
        student: {architecture, settings}, or None.
        posterior: shared setting -> its candidates.
        training: the optimiser.
        raw: folder of the raw files.
        data: block of data -> folder, or the dataset itself; real data have the one block r0-0.
        logits: teacher -> block of data -> folder, or the logits themselves.
        draws_of: method -> block -> file, or the draws themselves.
        parts: step -> table -> files of all parts, or the tables themselves; {} where the question is one job, and for a part.
    """

    name: str
    seed: int
    device: str = "auto"
    replicates: int = 1
    blocks: tuple[str, ...] = (SINGLE,)
    methods: tuple[str, ...] = ()
    student: Mapping[str, Any] | None = None
    posterior: Mapping[str, Sequence[float]] = field(default_factory=dict)
    training: Training = field(default_factory=lambda: Training.model_validate({}))
    raw: Path = Path("results/downloads")
    data: Mapping[str, str | Dataset] = field(default_factory=dict)
    logits: Mapping[str, Mapping[str, str | Logits]] = field(default_factory=dict)
    draws_of: Mapping[str, Mapping[str, str | Draws]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, Sequence[Any]]] = field(default_factory=dict)

    @classmethod
    def in_memory(
        cls,
        dataset: Dataset | None = None,
        teachers: Sequence[Logits] = (),
        draws: Mapping[str, Draws] | None = None,
        **rest: Any,
    ) -> "Inputs":
        """Inputs of one block that lie in memory; ``rest`` are further attributes, ``name`` and ``seed`` at least."""
        block = rest.get("blocks", (SINGLE,))[0]
        drawn = {method: {block: each} for method, each in (draws or {}).items()}
        data = {} if dataset is None else {block: dataset}
        logits = {teacher.teacher: {block: teacher} for teacher in teachers}
        return cls(**{"methods": tuple(drawn), **rest}, data=data, logits=logits, draws_of=drawn)

    def data_block(self, block: str) -> str:
        """The block of data that ``block`` of students reads; real data have one for all."""
        return block if block in self.data else SINGLE

    def dataset(self, block: str | None = None) -> Dataset:
        """The data of a block, by default the first."""
        found = self.data[self.data_block(block or self.blocks[0])]
        return found if isinstance(found, Dataset) else Dataset.read(found)

    def teachers(self, block: str | None = None) -> list[Logits]:
        """The teachers' logits on the data of a block, by default the first, in the order of config.yaml."""
        dataset, block = self.dataset(block), self.data_block(block or self.blocks[0])
        found = [places[block] for places in self.logits.values()]
        return [each if isinstance(each, Logits) else Logits.read(each, dataset) for each in found]

    def draws(self, method: str, block: str | None = None) -> Draws:
        """The draws of one method of the experiment in a block, by default the first."""
        found = self.draws_of[method][block or self.blocks[0]]
        return found if isinstance(found, Draws) else Draws.read(found)

    def gathered(self, step: str, table: str) -> Frame:
        """The rows of a table of all parts of a step; a part without any has no types to join."""
        rule = f"part_{self.name}_{step}"
        found = self.parts[step][table]
        frames = [read_table(f, "a table of a part of a question", rule) if isinstance(f, str) else f for f in found]
        return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)

    def build_student(self, features: tuple[int, ...], num_classes: int) -> "Student":
        """The student for examples of shape ``features``."""
        assert self.student is not None, "a module that builds a student names it in NEEDS"
        module = registry.part("student", self.student["architecture"])
        return module.build(module.Settings.model_validate(self.student["settings"]), features, num_classes)
