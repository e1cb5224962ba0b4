"""What is asked of students with several labels."""

from collections.abc import Mapping
from types import ModuleType
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from mtbkd.base.bounds import DrawCount, Examples, Layers, Replicates
from mtbkd.base.explain import choice, distinct, validate
from mtbkd.base.grids import Grid
from mtbkd.inference import csgld, dropout, ensemble, psgld, sghmc, sgld, vi
from mtbkd.inference import map as maximum
from mtbkd.inference.optimise import Training
from mtbkd.pooling import entropy, equal, exponential_entropy, inverse_entropy, inverse_square_entropy
from mtbkd.signals import kd, none, tip

# Imported here, not looked up by name, so that the workflow knows that a question depends on them. Of the algorithms these ask
# a target for nothing but its gradient and density; the others look into a softmax posterior.
INFERENCE: dict[str, ModuleType] = {
    "csgld": csgld, "dropout": dropout, "ensemble": ensemble, "map": maximum, "psgld": psgld, "sghmc": sghmc, "sgld": sgld,
    "vi": vi,
}  # fmt: skip
SIGNALS: dict[str, ModuleType] = {"kd": kd, "none": none, "tip": tip}
WEIGHTS: dict[str, ModuleType] = {
    "entropy": entropy, "equal": equal, "exponential_entropy": exponential_entropy, "inverse_entropy": inverse_entropy,
    "inverse_square_entropy": inverse_square_entropy,
}  # fmt: skip


def _one_of(allowed: Mapping[str, ModuleType]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(choice(value, allowed))
        return value

    return AfterValidator(check)


class Method(BaseModel):
    """A method: signal x weights x inference."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    signal: Annotated[str, _one_of(SIGNALS)] = Field(description="how teachers enter the posterior: kd, none or tip")
    weights: Annotated[str, _one_of(WEIGHTS)] | None = Field(
        None,
        description="teacher weights, if the signal needs them: a module of mtbkd/pooling, applied to each location separately",
    )
    inference: Annotated[str, _one_of(INFERENCE)] = Field(
        "map", description="csgld, dropout, ensemble, map, psgld, sghmc, sgld or vi"
    )
    settings: dict[str, Any] = Field({}, description="settings of the algorithm's module")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        needed = SIGNALS[self.signal].NEEDS_WEIGHTS
        if needed and self.weights is None:
            raise ValueError(f"signal '{self.signal}' needs weights: {', '.join(WEIGHTS)}")
        if not needed and self.weights is not None:
            raise ValueError(f"signal '{self.signal}' has no teachers to weigh. Hint: remove weights")
        _, mistakes = validate(INFERENCE[self.inference].Settings, self.settings, ("settings",))
        if mistakes:
            raise ValueError("; ".join(str(mistake) for mistake in mistakes))
        return self


class Specialists(BaseModel):
    """The teachers: one network a domain with a sigmoid output a location, trained on that domain's labelled examples."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    domains: Annotated[tuple[str, ...], AfterValidator(distinct)] = Field(
        (), description="domains with a teacher; default: all domains of the dataset"
    )
    hidden: Layers = Field((64,), description="units of each hidden layer")
    exposure: float = Field(0.0, ge=0, le=1, description="share of the other domains' examples that a teacher sees")
    dropout: float = Field(0.1, ge=0, lt=1, description="dropout rate of the hidden layers during training")
    prior_scale: Grid = Field(
        (0.05, 0.1, 0.2),
        description="candidates for the standard deviation of the Gaussian prior, chosen on the domain's validation examples",
    )
    training: Training = Field(
        Training.model_validate({"restarts": 1, "learning_rate": 0.005}),
        description="the optimiser's settings; restarts is not used",
    )


DEFAULT_METHODS = {
    "labels_map": Method.model_validate({"signal": "none"}),
    "kd_equal_map": Method.model_validate({"signal": "kd", "weights": "equal"}),
    "kd_entropy_map": Method.model_validate({"signal": "kd", "weights": "entropy"}),
    "tip_equal_map": Method.model_validate({"signal": "tip", "weights": "equal"}),
    "tip_entropy_map": Method.model_validate({"signal": "tip", "weights": "entropy"}),
}


class Settings(BaseModel):
    """Students with several labels: the teachers, the methods, and how much of the labels the student sees."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    teachers: Specialists = Field(
        Specialists.model_validate({}), description="one network per domain, trained by this question"
    )
    methods: dict[str, Method] = Field(
        DEFAULT_METHODS, min_length=1, description="experiments, each a comparison of methods, by name"
    )
    labels: Examples | None = Field(
        None,
        description="number of training labels that the student sees, redrawn in every replicate; the other examples are "
        "unlabelled and used by the teachers' terms; default: all",
    )
    tuning_replicates: Replicates = Field(
        2, description="number of replicates whose mean validation loss selects the shared settings"
    )
    probes: Examples = Field(12, description="number of test examples used to assess convergence")
    draws: DrawCount = Field(100, description="draws per replicate, over all chains, used for predictions")

    @model_validator(mode="after")
    def _has_a_reference(self) -> Self:
        if all(method.signal != "none" for method in self.methods.values()):
            raise ValueError(
                "methods: none learns from labels alone. Hint: add one with signal: none, the reference of all differences"
            )
        return self
