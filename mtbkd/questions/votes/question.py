"""Do students agree with people? Predictions of test images against the votes of many people: ``mtbkd.evaluation.votes``."""

import re
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset
from mtbkd.evaluation.references import teacher_probs
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.votes import METRICS, Judged, Votes, judge, looks, read_votes
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"dataset", "teachers", "draws"})
NAMES_METHODS = ("reference",)
TABLES = ("scores", "differences", "images")
PEOPLE = "people"
# Number of a replicate, None where all are the same, -> its prediction against the votes.
Replicates = dict[int | None, Judged]
SHOWN = ("corr_mean_deviance", "corr_total_entropy", "corr_epistemic_entropy", "cross_entropy")


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    votes: str = Field("cifar10h/cifar10h-counts.npy", description="raw file of the votes, images x classes")
    ids: str = Field(
        r"cifar10-test-(\d+)",
        description="regular expression for an example's id; its group is the image's row in the votes file",
    )
    minority_share: float = Field(
        0.1, gt=0, lt=0.5, description="share of votes from which a class counts as a minority choice"
    )
    level: float = Field(0.9, gt=0, lt=1, description="credible level of the sets")
    reference: str | None = Field(
        None,
        description="reference method; default: the first labels-only method, by MAP if there is one",
    )

    @field_validator("ids")
    @classmethod
    def _one_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"allowed: a regular expression with one group ({error})") from None
        if groups != 1:
            raise ValueError(f"allowed: a regular expression with one group; this one has {groups}")
        return pattern


def raw_files(settings: Settings) -> tuple[str, ...]:
    """The file of votes."""
    return (settings.votes,)


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables of the test images.

    ``scores``: kind, method, signal, weights, inference, metric, value, low, high, images, replicates.
    ``differences``: method, reference, metric, value (method minus reference, paired), low, high.
    ``images``: method, id, votes_entropy and the method's uncertainties, means over replicates.
    """
    dataset = inputs.dataset()
    rows, image = voted(dataset, settings.ids)
    counts = read_votes(inputs.raw / settings.votes)
    if counts.shape[1] != dataset.num_classes or image.max() >= len(counts):
        expected = f"more than {image.max()} images and {dataset.num_classes} classes, those of {dataset.name}"
        raise ContractError(inputs.raw / settings.votes, "counts", f"shape {counts.shape}", expected)
    votes = Votes.of(counts[image], settings.minority_share)
    judged, named = _students(inputs, settings, rows, votes)
    reference = _reference(settings, {method: named[method] for method in judged}, inputs.name)
    teachers = _teachers(inputs, dataset, settings, rows, votes)
    named |= {name: {"kind": "teacher", "signal": "", "weights": "", "inference": ""} for name in teachers}
    seen = {name: {m: looks(each, m) for m in METRICS} for name, each in (judged | teachers).items()}
    scores, differences = [], []
    for name, metrics in seen.items():
        size = {"images": len(rows), "replicates": len((judged | teachers)[name])}
        for metric, look in metrics.items():
            scores.append({**named[name], "method": name, "metric": metric, **_ends(look.estimate()), **size})
            if name != reference:
                found = (look - seen[reference][metric]).estimate()
                common = {"method": name, "kind": named[name]["kind"], "reference": reference, "metric": metric}
                differences.append({**common, **_ends(found)})
    scores += _people(votes, len(rows))
    frames = [pd.DataFrame(scores).dropna(subset="value"), pd.DataFrame(differences).dropna(subset="value")]
    images = [_images(name, each, dataset.ids[rows]) for name, each in (judged | teachers).items()]
    return dict(zip(TABLES, [*frames, pd.concat(images, ignore_index=True)], strict=True))


def voted(dataset: Dataset, pattern: str) -> tuple[np.ndarray, np.ndarray]:
    """Rows (M,) of the test examples whose whole id is of the ``pattern``, and the numbers (M,) in it."""
    test = dataset.rows("test")
    found = [(row, match[1]) for row in test if (match := re.fullmatch(pattern, str(dataset.ids[row])))]
    if not found:
        example = str(dataset.ids[test[0]])
        raise ContractError(f"votes on {dataset.name}", "ids", f"'{example}' and others", f"test ids like '{pattern}'")
    return np.array([row for row, _ in found]), np.array([int(number) for _, number in found])


def _students(
    inputs: Inputs, settings: Settings, rows: np.ndarray, votes: Votes
) -> tuple[dict[str, Replicates], dict[str, dict[str, str]]]:
    """Each method's replicates that kept a chain, and what it is made of."""
    judged: dict[str, Replicates] = {}
    named = {}
    for method in inputs.methods:
        for block in inputs.blocks:
            draws = inputs.draws(method, block)
            at = np.searchsorted(draws.example_index, rows)
            parts = {part: draws.attrs.get(part) or "" for part in ("signal", "weights", "inference")}
            named[method] = {"kind": "student", **parts}
            for number, prob, lost in zip(draws.replicates.tolist(), draws.prob, draws.diverged, strict=True):
                if not lost.all():
                    kept = prob[~lost][:, :, at].reshape(-1, len(rows), prob.shape[-1])
                    judged.setdefault(method, {})[number] = judge(kept, votes, settings.level)
    return judged, named


def _reference(settings: Settings, named: dict[str, dict[str, str]], name: str) -> str:
    """The method to compare with, of those that have draws."""
    if not named or settings.reference not in (None, *named):
        found, known = settings.reference or "no method with draws", ", ".join(named) or "at least one"
        raise ContractError(f"question {name}", "reference", found, known)
    if settings.reference is not None:
        return settings.reference
    return min(named, key=lambda m: (named[m]["signal"] != "none", named[m]["inference"] != "map"))


def _teachers(inputs: Inputs, dataset: Dataset, settings: Settings, rows: np.ndarray, votes: Votes) -> dict[str, Replicates]:
    """The teachers that cover these images, their mean among them."""
    found: dict[str, Replicates] = {}
    for name, (covered, prob) in teacher_probs(inputs.teachers(), Examples.of(dataset, 0), 0).items():
        if np.isin(rows, covered).all() and name != "teachers:best":
            found[name] = {None: judge(prob[None, rows].astype(np.float32), votes, settings.level)}
    return found


def _ends(found: tuple[float, float, float]) -> dict[str, float]:
    return dict(zip(("value", "low", "high"), found, strict=True))


def _people(votes: Votes, images: int) -> list[dict[str, Any]]:
    """What nobody can beat: the votes as their own prediction, and how many minority choices there are an image."""
    own = {"kind": PEOPLE, "method": PEOPLE, "signal": "", "weights": "", "inference": "", "replicates": 1, "images": images}
    values = {"cross_entropy": votes.entropy, "shared_choice": votes.share.max(1), "minority_classes": votes.minority.sum(1)}
    nothing = {"low": np.nan, "high": np.nan}
    return [{**own, "metric": metric, "value": float(value.mean()), **nothing} for metric, value in values.items()]


def _images(method: str, judged: Replicates, ids: np.ndarray) -> "pd.DataFrame":
    first, *_ = replicates = list(judged.values())
    means = {m: np.mean([each.values[m] for each in replicates], 0) for m in SHOWN if m in first.values}
    columns = {name.removeprefix("corr_"): value.astype(np.float32) for name, value in means.items()}
    return pd.DataFrame({"method": method, "id": ids, "votes_entropy": first.human.astype(np.float32), **columns})
