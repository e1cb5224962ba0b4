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
        "simulated",
        description="simulated: Markov chains, one transition matrix per kingdom; deeploc2: proteins of DeepLoc 2.0",
    )
    teacher_sequences: Examples = Field(300, description="training sequences per teacher, all from its kingdom")
    student_sequences: Examples = Field(90, description="training sequences of the students, over all kingdoms")
    val_sequences: Examples = Field(60, description="validation sequences per kingdom, for settings and task weights")
    test_sequences: Examples = Field(150, description="test sequences per kingdom")
    length: int = Field(80, ge=10, le=100_000, description="residues per sequence: a contiguous stretch at a random position")
    window: int = Field(6, ge=1, le=1_000, description="number of preceding residues that the models see individually")
    teacher_hidden: Layers = Field((48,), description="hidden units of each teacher")
    student_hidden: Layers = Field((12,), description="hidden units of each student")
    train_mix: Mix = Field((0.1, 0.7, 0.2), description="shares of Fungi, Metazoa and Viridiplantae in the students' training")
    test_mix: Mix = Field((0.7, 0.1, 0.2), description="the same in the shifted test mix")
    kingdom_contrast: float = Field(
        0.5,
        ge=0,
        le=3,
        description="simulated: standard deviation of the kingdoms' log transition rates around the common ones",
    )
    task_residues: Positive = Field(20, description="task weights: number of residues that the validation log score counts for")
    context_residues: Positive = Field(
        40, description="context weights: number of residues that the distance between compositions counts for"
    )
    residue_set: Annotated[str, AfterValidator(_residues)] = Field(
        "C", min_length=1, description="residues to avoid, as letters"
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
