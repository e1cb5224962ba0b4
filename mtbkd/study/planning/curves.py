"""A label-count curve resolved into what the workflow needs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbkd.base.blocks import SINGLE, block_range
from mtbkd.study.asked.curves import NO_TEACHERS, Curve, References, Spec

if TYPE_CHECKING:
    from mtbkd.study.planned import DataPlan, TeacherPlan


@dataclass(frozen=True)
class CurvePlan:
    """One curve of a study.

    Attributes:
        name: as in config.yaml.
        data: its dataset.
        teachers: set -> teachers, in the order of config.yaml.
        student: the student's name.
        replicates: how many.
        blocks: blocks of replicates, which are those of data that every replicate has of its own.
        baseline: the method without teachers.
        parts: set of teachers (``none`` without) -> method -> content of its ``mtbkd.study.asked.curves.Spec``.
        references: content of ``mtbkd.study.asked.curves.References``: the teachers and the ceiling beside the methods.
    """

    name: str
    data: "DataPlan"
    teachers: "dict[str, tuple[TeacherPlan, ...]]"
    student: str
    replicates: int
    blocks: tuple[str, ...]
    baseline: str
    parts: dict[str, dict[str, dict[str, Any]]]
    references: dict[str, Any]

    def data_block(self, block: str) -> str:
        """The block of data and logits that a job of ``block`` reads; others have one block for all."""
        return block if self.data.redrawn else SINGLE

    def every_part(self) -> Iterator[tuple[str, str]]:
        """(set of teachers, method) of every job."""
        yield from ((teachers, method) for teachers, methods in self.parts.items() for method in methods)

    def teachers_of(self, teachers: str) -> "tuple[TeacherPlan, ...]":
        """The teachers of a set, () for ``none``."""
        return () if teachers == NO_TEACHERS else self.teachers[teachers]


def make_curve(
    name: str,
    asked: Curve,
    data: "DataPlan",
    blocks: tuple[str, ...],
    teachers: "dict[str, tuple[TeacherPlan, ...]]",
    fits: dict[str, dict[str, Any]],
) -> CurvePlan:
    """Resolve the curve ``asked``.

    Args:
        name: as in config.yaml.
        asked: sound, and checked against the rest of the configuration.
        data: its dataset.
        blocks: of its replicates.
        teachers: set -> its teachers on these data.
        fits: method -> content of its ``mtbkd.inference.fitting.Spec`` on these data, labels-only ones included.
    """
    baseline = next(method for method, fit in fits.items() if fit["signal"]["name"] == "none")

    def part(teachers: str, method: str) -> dict[str, Any]:
        steps = asked.steps or (fits[method]["training"]["steps"],)
        asks = {"steps": steps, "labels": asked.labels, "folds": asked.folds, "transfer": asked.transfer}
        spec = Spec.model_validate({"curve": name, "teachers": teachers, "fit": fits[method], **asks})
        return spec.model_dump(mode="json", by_alias=True)

    helped = [method for method in fits if method != baseline]
    parts = {NO_TEACHERS: {baseline: part(NO_TEACHERS, baseline)}}
    parts |= {each: {method: part(each, method) for method in helped} for each in teachers}
    asks = {"curve": name, "labels": asked.labels, "transfer": asked.transfer, "seed": fits[baseline]["seed"]}
    references = References.model_validate(asks).model_dump(mode="json")
    replicates = sum(len(block_range(block)) for block in blocks)
    return CurvePlan(name, data, teachers, asked.student, replicates, blocks, baseline, parts, references)
