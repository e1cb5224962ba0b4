"""Settings of next-residue distillation."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import Examples, Layers, Positive
from mtbkd.data.sequences import RESIDUES

KINGDOMS = ("Fungi", "Metazoa", "Viridiplantae")
DEEPLOC2 = "deeploc2/Swissprot_Train_Validation_dataset.csv.gz"


def _shares(mix: tuple[float, ...]) -> tuple[float, ...]:
    if abs(sum(mix) - 1) > 1e-6:
        raise ValueError(f"allowed: shares of {', '.join(KINGDOMS)} that sum to 1, not to {sum(mix):g}")
    return mix


def _residues(letters: str) -> str:
    if set(letters) - set(RESIDUES) or len(set(letters)) != len(letters) or set(letters) == set(RESIDUES):
        raise ValueError(f"allowed: some, not all, of the letters {RESIDUES}, each once")
    return letters


Share = Annotated[float, Field(ge=0, le=1)]
Mix = Annotated[tuple[Share, Share, Share], AfterValidator(_shares)]


class Settings(BaseModel):
    """What the sequences are, how large the models, and how the teachers' weights are made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: Literal["simulated", "deeploc2"] = Field(
        "simulated", description="Markov chains with one transition matrix a kingdom, or the proteins of DeepLoc 2.0"
    )
    teacher_sequences: Examples = Field(300, description="sequences of its kingdom that each teacher learns from")
    student_sequences: Examples = Field(90, description="sequences of all kingdoms together that the students learn from")
    val_sequences: Examples = Field(60, description="sequences of each kingdom that settings and task weights are chosen on")
    test_sequences: Examples = Field(150, description="sequences of each kingdom that bits are measured on")
    length: int = Field(
        80, ge=10, le=100_000, description="residues kept of a sequence: a stretch at a random place of the chain"
    )
    window: int = Field(6, ge=1, le=1_000, description="residues back that the models see one by one")
    teacher_hidden: Layers = Field((48,), description="hidden units of the teachers")
    student_hidden: Layers = Field((12,), description="hidden units of the students")
    train_mix: Mix = Field((0.1, 0.7, 0.2), description="shares of the kingdoms (Fungi, Metazoa, Viridiplantae) in training")
    test_mix: Mix = Field((0.7, 0.1, 0.2), description="shares of the kingdoms at the test where the mix has shifted")
    kingdom_contrast: float = Field(
        0.5, ge=0, le=3, description="simulated: spread of the kingdoms' log transition rates around the common ones"
    )
    task_residues: Positive = Field(
        20, description="task weights: the validation log score counts as that of this many residues"
    )
    context_residues: Positive = Field(
        40, description="context weights: the distance of compositions counts as that of this many residues"
    )
    residue_set: Annotated[str, AfterValidator(_residues)] = Field(
        "C", min_length=1, description="the designated residues of the safety measurement, as letters"
    )

    @model_validator(mode="after")
    def _every_kingdom_is_seen(self) -> Self:
        counts = kingdom_counts(self.student_sequences, self.train_mix)
        if any(share > 0 and n == 0 for share, n in zip(self.train_mix, counts, strict=True)):
            raise ValueError(f"student_sequences: found {self.student_sequences}; allowed: enough for one of each kingdom in "
                             f"train_mix")  # fmt: skip
        return self


def kingdom_counts(total: int, mix: tuple[float, ...]) -> tuple[int, ...]:
    """Whole numbers that sum to ``total``, as near to the shares ``mix`` as rounding the cumulated shares gets."""
    ends = [round(total * sum(mix[: i + 1])) for i in range(len(mix))]
    return tuple(end - start for start, end in zip([0, *ends[:-1]], ends, strict=True))
