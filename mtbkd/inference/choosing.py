"""How a fit chooses its shared settings: by validation labels, by folds of the training labels, or by the labels' evidence."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import BaseModel

from mtbkd.base import registry
from mtbkd.base.errors import ConfigError
from mtbkd.contracts.artefacts import Dataset
from mtbkd.inference import Context, evidence, folds
from mtbkd.inference.function_space import thinned
from mtbkd.inference.tuning import DrawsOf, Way, map_fit, validated
from mtbkd.posterior.problem import Problem

if TYPE_CHECKING:
    import torch

TunedOn = Literal["validation", "cross_validation", "evidence", "evidence_average"]
AVERAGE: TunedOn = "evidence_average"
DRAWS = 60  # of a candidate, over all chains, whose mean predicts held-out labels


class Judge(NamedTuple):
    """An inference that fits candidates, with its settings."""

    module: ModuleType
    settings: BaseModel

    def draws(self, problem: Problem, context: Context) -> "torch.Tensor":
        """Some draws (U, S, P) of every unit."""
        state = self.module.init(problem, self.settings, context)
        found = self.module.run(problem, self.settings, state, context).params.flatten(1, 2)
        return found[:, thinned(found.shape[1], DRAWS)].to(context.device)


def needs_constant(tuned_on: TunedOn) -> bool:
    """Whether ``tuned_on`` compares normalising constants."""
    return _WAYS[tuned_on] is _evidence


def judge_of(spec: Any) -> Judge | None:
    """The inference that fits candidates of a ``fitting.Spec``, by default MAP; for the evidence a sequential Monte Carlo."""
    asked = spec.tuned_by or (spec.inference if needs_constant(spec.tuned_on) and spec.inference.name == "smc" else None)
    if asked is None:
        return None
    module = registry.part("inference", asked.name)
    return Judge(module, module.Settings.model_validate(asked.settings))


def way(tuned_on: TunedOn, judge: Judge | None, dataset: Dataset) -> Way:
    """The way ``tuned_on`` names.

    Args:
        tuned_on: what chooses.
        judge: fits candidates; None: MAP, or for the evidence a fast sequential Monte Carlo.
        dataset: has the validation labels.

    Raises:
        ConfigError: the evidence by an inference that knows no normalising constant.
    """
    return _WAYS[tuned_on](judge, dataset)


def _by_draws(of: Callable[..., Way]) -> Callable[[Judge | None, Dataset], Way]:
    return lambda judge, dataset: of(judge.draws if judge else map_fit, dataset)


def _validation(draws: DrawsOf, dataset: Dataset) -> Way:
    return partial(validated, draws=draws, dataset=dataset)


def _cross_validation(draws: DrawsOf, dataset: Dataset) -> Way:
    return partial(folds.tune, draws=draws)


def _evidence(judge: Judge | None, dataset: Dataset) -> Way:
    smc = registry.part("inference", "smc")  # a fit that does not ask for it does not depend on it
    chosen = judge or Judge(smc, smc.Settings.model_validate(evidence.FAST))
    settings: Any = chosen.settings
    if not isinstance(settings, smc.Settings):
        name = chosen.module.__name__.rpartition(".")[2]
        raise ConfigError(f"tuned_by: found inference {name}; allowed: smc, which estimates the normalising constants that "
                          "tuned_on: evidence compares. Hint: leave tuned_by out")  # fmt: skip
    return partial(evidence.tune, settings=settings.model_copy(update={"final_sweeps": 1}))


_WAYS = {
    "validation": _by_draws(_validation),
    "cross_validation": _by_draws(_cross_validation),
    "evidence": _evidence,
    "evidence_average": _evidence,
}
