"""The multi-teacher methods of the literature against each other, under one protocol (``mtbkd.questions.baselines``).

Every method trains the same student on the same data, teachers, starting points and minibatches, for every candidate of share,
temperature and prior scale; validation labels choose, test labels only score.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base.blocks import block_range
from mtbkd.base.device import resolve_device
from mtbkd.base.explain import distinct
from mtbkd.base.frames import Frame
from mtbkd.base.grids import Grid
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import overlap_of
from mtbkd.questions.baselines import module_of
from mtbkd.questions.baselines.aekd import Settings as Aekd
from mtbkd.questions.baselines.amtss import Settings as Amtss
from mtbkd.questions.baselines.contest import REFERENCE, Contest, check, compete, references
from mtbkd.questions.baselines.mmkd import Settings as Mmkd
from mtbkd.questions.baselines.samerging import Settings as Samerging
from mtbkd.questions.baselines.tables import comparisons, ranks
from mtbkd.questions.baselines.takd import Settings as Takd
from mtbkd.questions.baselines.tip import Settings as Tip
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"dataset", "teachers", "student"})
TABLES = ("scores", "comparisons", "ranks", "weights", "tuning", "costs")
COLUMNS = {
    "scores": ("method", "kind", "replicate", "split", "domain", "metric", "value", "se", "n"),
    "weights": ("method", "replicate", "domain", "teacher", "own", "weight"),
    "tuning": ("method", "replicate", "share", "temperature", "prior_scale", "val_nll", "chosen"),
    "costs": ("method", "title", "students", "seconds"),
}
Method = Literal["aver", "ebkd", "camkd", "aekd", "mmkd", "amtss", "takd", "samerging", "tip"]
ALL: tuple[Method, ...] = ("aver", "ebkd", "camkd", "aekd", "mmkd", "amtss", "takd", "samerging", "tip")


def _below_one(shares: tuple[float, ...]) -> tuple[float, ...]:
    if max(shares) >= 1:
        raise ValueError("allowed: numbers > 0 and < 1, the teachers' share of the loss")
    return shares


Share = Annotated[Grid, AfterValidator(_below_one)]


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    methods: Annotated[tuple[Method, ...], AfterValidator(distinct)] = Field(
        ALL, min_length=1, description="methods to train; the student without teachers is always included"
    )
    share: Share = Field((0.03, 0.2, 0.7), description="candidates for l, the teachers' share of the loss")
    temperature: Grid = Field(
        (0.25, 0.5, 1.0, 4.0), description="candidates for T, which divides the logits of teachers and student"
    )
    aekd: Aekd = Field(Aekd.model_validate({}), description="settings of aekd (agreement of gradients)")
    mmkd: Mmkd = Field(Mmkd.model_validate({}), description="settings of mmkd (meta-learnt weights)")
    amtss: Amtss = Field(Amtss.model_validate({}), description="settings of amtss (importance and margin)")
    takd: Takd = Field(Takd.model_validate({}), description="settings of takd (teacher assistant)")
    samerging: Samerging = Field(Samerging.model_validate({}), description="settings of samerging (merging of experts)")
    tip: Tip = Field(
        Tip.model_validate({}), description="sharpness of the mixture prior and weight of its no-teacher component"
    )


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """The tables of all methods on all blocks."""
    rows: dict[str, list[dict[str, object]]] = {name: [] for name in COLUMNS}
    seeds_only, overlap = False, 0.0
    for block in inputs.blocks:
        contest = _contest(inputs, settings, block)
        seeds_only = contest.dataset.num_replicates < len(contest.replicates)
        overlap = overlap_of(contest.dataset)
        rows["scores"] += references(contest)
        for method in (REFERENCE, *settings.methods):
            for name, found in compete(
                contest, method, getattr(settings, method, None) or module_of(method).Settings()
            ).items():
                rows[name] += found
    own = [name for name in ("lambda", "no_teacher") if any(name in row for row in rows["tuning"])]
    columns = COLUMNS | {"tuning": (*COLUMNS["tuning"][:-2], *own, *COLUMNS["tuning"][-2:])}
    tables: dict[str, Frame] = {name: pd.DataFrame(rows[name], columns=list(each)) for name, each in columns.items()}
    tables["costs"] = tables["costs"].groupby(["method", "title"], sort=False, as_index=False).sum()
    compared = comparisons(tables["scores"], seeds_only, overlap)
    return tables | {"comparisons": compared, "ranks": ranks(tables["scores"])}


def _contest(inputs: Inputs, settings: Settings, block: str) -> Contest:
    dataset, teachers = inputs.dataset(block), inputs.teachers(block)
    check(dataset, teachers, inputs.name)
    grid = {"share": settings.share, "temperature": settings.temperature}
    grid["prior_scale"] = tuple(inputs.posterior.get("prior_scale", (1.0,)))
    student = inputs.build_student(dataset.x.shape[2:], dataset.num_classes)
    replicates, device = tuple(block_range(block)), resolve_device(inputs.device)
    return Contest(dataset, teachers, student, replicates, inputs.training, grid, inputs.seed, device)
