"""Make a student of several labels into a bundle: fit its method once more, keep the weights, say what they do.

One replicate, the first, is fitted with the question's own settings. Validation examples choose the shared settings and the
thresholds above which a label is predicted; no risk of an answer is promised. Shapes: S draws, N examples, K locations.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.evaluation.tables import word
from mtbkd.inference.convergence import INFORMING
from mtbkd.inference.function_space import thinned
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.multilabel.fitting import fit, tune
from mtbkd.questions.multilabel.question import make_bench
from mtbkd.questions.multilabel.scores import best_thresholds, location_scores, overall_scores
from mtbkd.questions.multilabel.spec import Settings
from mtbkd.questions.run import inputs_of
from mtbkd.serving.bundle import Bundle, Card, Verdict
from mtbkd.serving.bundle import Inputs as Reads
from mtbkd.serving.making import AGREE, LIBRARIES, data_card, feature_names, finite, scaling_of


def bundle_files(spec: Mapping[str, Any], study: str, method: str, out: str | Path) -> None:
    """Fit ``method`` of the question ``spec`` and write its bundle into ``out``: what the rule ``bundle_<question>`` calls."""
    make_bundle(inputs_of(spec), Settings.model_validate(spec["content"]), study, method).write(out)


def make_bundle(inputs: Inputs, settings: Settings, study: str, name: str) -> Bundle:
    """The bundle of the method ``name``.

    Raises:
        ContractError: every draw diverged; the data's card does not say how inputs were scaled; the bundle does not predict
            what the fit predicts.
    """
    inputs, method = replace(inputs, replicates=1), settings.methods[name]
    dataset = inputs.dataset()
    mean, scale = scaling_of(dataset)  # before the work
    bench = make_bench(inputs, settings)
    tuning = tune(bench, method)
    fitted, _, result = fit(bench, name, method, tuning)
    chains, draws = result.params.shape[1:3]
    params = result.params[0, :, thinned(draws, max(1, settings.draws // chains))].flatten(0, 1)
    params = params[torch.isfinite(params).all(-1)].cpu().numpy().astype(np.float32)
    if not len(params):
        raise ContractError(f"method {name} on {dataset.name}", "draws", "all diverged", "one that is finite")
    val, truth = dataset.rows("val"), bench.task.truth
    thresholds = best_thresholds(fitted.prob[0, val], truth[val])
    card = _card(inputs, settings, study, name, len(params)).model_copy(update={
        "thresholds": tuple(thresholds.tolist()),
        "scores": {split: _scores(fitted.prob[0, rows], truth[rows], thresholds)
                   for split in ("val", "test") if len(rows := dataset.rows(split))},
        "gates": {row["gate"]: cast(Verdict, word(row)) for row in fitted.gates},
        "tuned": {key: value for key, value in next(row for row in tuning if row["chosen"]).items()
                  if key in bench.posterior and np.isfinite(value)},
    })  # fmt: skip
    card = card.model_copy(update={"limits": _limits(card)})
    bundle = Bundle(card, params, mean, scale).validate(f"{inputs.name}, {name}")
    raw = dataset.x[0, val].reshape(len(val), -1).astype(np.float64) * scale + mean
    found = bundle.draw_probs(bundle.standardised(raw)).mean(0, dtype=np.float64)
    if not (worst := float(np.abs(found - fitted.prob[0, val]).max())) <= AGREE:
        raise ContractError(f"student {inputs.name} {name}", "probabilities of validation examples", f"some that differ by "
                            f"{worst:.2g} from those of its fit", f"at most {AGREE:g}")  # fmt: skip
    return bundle


def _card(inputs: Inputs, settings: Settings, study: str, name: str, draws: int) -> Card:
    dataset, student = inputs.dataset(), inputs.student or {}
    encoders = dataset.card.get("settings", {}).get("encoders", {})
    mean, scale = scaling_of(dataset)
    what = "a protein" if encoders else "an example"
    return Card(
        study=study,
        experiment=inputs.name,
        method=name,
        intended_use=f"Research: which of {dataset.num_classes} labels, one or several, {what} has, and how sure that is "
                     f"({', '.join(dataset.class_names)}).",
        limits=(),
        licences={"data": str(dataset.card.get("licence", "not stated")),
                  **{f"encoder {each}": registry.part("encoder", each).LICENCE for each in encoders}},
        data=data_card(dataset),
        class_names=dataset.class_names,
        labels="several",
        inputs=Reads(features=dataset.x.shape[2:], names=feature_names(dataset), encoders=encoders,
                     standardised=bool(mean.any() or (scale != 1).any()), cut=dataset.card.get("cut")),
        architecture=student["architecture"],
        settings=dict(student["settings"]),
        draws=draws,
        risk=(),
        scores={},
        gates={},
        chains="pooled",
        config=finite({"question": settings.model_dump(mode="json"), "posterior": dict(inputs.posterior),
                       "training": inputs.training.model_dump(mode="json")}),
        tuned={},
        seeds={"base": inputs.seed, "replicate": 0},
        versions={library: version(library) for library in LIBRARIES},
    )  # fmt: skip


def _scores(prob: np.ndarray, truth: np.ndarray, thresholds: np.ndarray) -> dict[str, float]:
    found = overall_scores(prob, truth, thresholds, location_scores(prob, truth, thresholds))
    return {score: value for score, value in found.items() if np.isfinite(value)}


def _limits(card: Card) -> tuple[str, ...]:
    """What a user should know before trusting an answer."""
    found = []
    if test := card.scores.get("test"):
        found.append(f"On test examples: all labels right for {test['subset_accuracy']:.1%}, micro F1 {test['micro_f1']:.2f}.")
    found.append("Thresholds were chosen on the validation examples that also chose the shared settings; no rate of wrong "
                 "answers is promised, and the student does not abstain.")  # fmt: skip
    found.append("Labels are independent given the weights: probabilities of combinations are products within a draw.")
    if "homology_partitions" in card.data:
        found.append(f"Homology partitions: {card.data['homology_partitions']}.")
    failed = [gate for gate, told in card.gates.items() if told == "failed" and gate not in INFORMING]
    if failed:
        found.append(f"The posterior failed the gates {', '.join(failed)}: its intervals may be too short or too long.")
    if card.draws == 1:
        found.append("A point estimate: no credible intervals and no epistemic share.")
    found.append("Not for diagnosis, nor for any decision about a person.")
    return tuple(found)
