"""Data, teachers and experiments as the workflow needs them, resolved by ``mtbkd.study.plan``."""

from dataclasses import dataclass
from typing import Any

from mtbkd.base.blocks import SINGLE


@dataclass(frozen=True)
class DataPlan:
    """A dataset as a job prepares it: results/shared/data/<key>/<block>/.

    Attributes:
        name: as in config.yaml.
        kind: the module of mtbkd/data/datasets.
        settings: JSON-able, with defaults.
        seed: base of its seeds.
        simulated: drawn from a known law.
        redrawn: every replicate has data of its own, drawn or split anew; otherwise there is one block, r0-0.
        raw: keys of the raw files it needs.
        key: name and hash of kind, settings and seed.
    """

    name: str
    kind: str
    settings: dict[str, Any]
    seed: int
    simulated: bool
    redrawn: bool
    raw: tuple[str, ...]
    key: str

    @property
    def job(self) -> dict[str, Any]:
        """What preparing it depends on (``mtbkd.data.preparing``)."""
        return {"name": self.name, "kind": self.kind, "settings": self.settings, "seed": self.seed}


@dataclass(frozen=True)
class TeacherPlan:
    """A teacher on a dataset: results/shared/logits/<key>/<block>/, in the blocks of its data.

    Attributes:
        name: as in config.yaml.
        family: the module of mtbkd/teachers.
        domain: what it mostly sees, or None.
        settings: JSON-able, with defaults.
        seed: base of its seeds.
        raw: keys of the raw files it needs.
        data_key: key of its dataset.
        key: name and hash of family, domain, settings, data_key and seed.
    """

    name: str
    family: str
    domain: str | None
    settings: dict[str, Any]
    seed: int
    raw: tuple[str, ...]
    data_key: str
    key: str

    @property
    def job(self) -> dict[str, Any]:
        """What its logits depend on besides data and device (``mtbkd.teachers.teaching``)."""
        own = {"name": self.name, "family": self.family, "domain": self.domain}
        return {**own, "settings": self.settings, "seed": self.seed}


@dataclass(frozen=True)
class ExperimentPlan:
    """One experiment of a study.

    Attributes:
        name: as in config.yaml.
        data: its dataset.
        teachers: in the order of config.yaml.
        student: the student's name.
        replicates: how many.
        blocks: blocks of replicates in which students are fitted.
        methods: name -> content of its ``mtbkd.inference.fitting.Spec``: all that a fit depends on, its input files apart.
        published: name of the table of published numbers, or None.
        columns: method -> its columns of that table, or of any where the experiment names none; methods without are left out.
        as_printed: methods that repeat a paper's procedure.
        notes: method -> what the page says of it; methods without are left out.
        fitted: printed columns by which a search of any study chooses the settings of the experiment's teachers.
    """

    name: str
    data: DataPlan
    teachers: tuple[TeacherPlan, ...]
    student: str
    replicates: int
    blocks: tuple[str, ...]
    methods: dict[str, dict[str, Any]]
    published: str | None
    columns: dict[str, tuple[str, ...]]
    as_printed: tuple[str, ...]
    notes: dict[str, str]
    fitted: tuple[str, ...] = ()

    def data_block(self, block: str) -> str:
        """The block of data and logits that students of ``block`` read."""
        return block if self.data.redrawn else SINGLE

    @property
    def data_blocks(self) -> tuple[str, ...]:
        """The blocks of data and logits, each once."""
        return tuple(dict.fromkeys(self.data_block(block) for block in self.blocks))
