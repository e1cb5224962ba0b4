"""Make a student into a bundle: fit its method once more, keep the weights, and measure what the card says.

The study's draws keep functions of the weights only, so the first replicate is fitted again by itself, with the same settings
and data, but that half of the validation examples are kept from it: they choose no setting and no student, and their labels say
how often the student is wrong where it answers (``serving.risk``). What the card states is measured on these draws.
Shapes: S draws, N examples, F inputs, K classes.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np

from mtbkd.base import registry
from mtbkd.base.device import resolve_device
from mtbkd.base.errors import ContractError
from mtbkd.base.lazy import torch
from mtbkd.base.seeds import derive
from mtbkd.contracts.artefacts import Dataset, Logits
from mtbkd.contracts.draws import Draws
from mtbkd.evaluation import scoring
from mtbkd.evaluation.scoring import Examples
from mtbkd.evaluation.tables import word
from mtbkd.inference import student_scaling, within_chains
from mtbkd.inference.convergence import GATES, INFORMING
from mtbkd.inference.fitting import Spec, fit
from mtbkd.serving import modules
from mtbkd.serving.bundle import Bundle, Card, Inputs, Verdict
from mtbkd.serving.promised_sets import set_points
from mtbkd.serving.risk import risk_points

DRAWS = 100
LEVELS = (0.95,)
SCORES = ("accuracy", "nll", "brier", "ece", "aurc", "coverage@0.95", "coverage_gap@0.95", "ood_auroc", "mean_deviance")
DATA = (
    "source",
    "Values",
    "id_column",
    "pixels",
    "counts",
    "labelled_train",
    "homology_partitions",
    "truncation",
    "simulated",
    "imputation",
)
RISK_LABELS = "ood:risk labels"  # the split, in the fit's eyes, of validation examples that are kept from it
AGREE = 1e-5  # largest difference of a probability from what the fit predicted
LIBRARIES = ("mtbkd", "torch", "numpy", "biopython", "safetensors")


def make_bundle(spec: Spec, dataset: Dataset, teachers: Sequence[Logits], study: str, experiment: str) -> Bundle:
    """Fit ``spec`` on the first replicate of ``dataset`` and describe the student.

    Raises:
        ContractError: every chain diverged; the dataset's card does not say how its inputs were scaled; the bundle does not
            predict what the fit predicts of the test examples; a single validation example.
    """
    dataset, teachers = _first(dataset), [replace(t, logits=t.logits[:1]) for t in teachers]
    scaling_of(dataset)  # before the work
    fitted = _keep_risk_labels(dataset, spec.seed)
    output = spec.output.model_copy(update={"keep_params": True, "prediction_draws": DRAWS})
    draws = whole_precision_fit(spec.model_copy(update={"output": output}), fitted, teachers)
    return describe(spec, dataset, draws, fitted.rows(RISK_LABELS), study, experiment)


def whole_precision_fit(spec: Spec, dataset: Dataset, teachers: Sequence[Logits]) -> Draws:
    """The draws of the first replicate; by default, convolutions on a GPU round their inputs to 10 bits, and no two machines
    alike."""
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        return fit(spec, dataset, teachers, range(1))


def describe(spec: Spec, dataset: Dataset, draws: Draws, kept: np.ndarray, study: str, experiment: str) -> Bundle:
    """The bundle of a fit.

    Args:
        spec, draws: what was fitted, and its draws with their weights (``keep_params``).
        dataset: with one replicate.
        kept: rows (n,) with labels that chose no setting, by which the risk is measured: validation rows that the fit did
            not see, or, where nothing else is held out, the test rows.
        study, experiment: where it comes from, for the card.

    Raises:
        ContractError: as ``make_bundle``.
    """
    assert draws.params is not None
    mean, scale = scaling_of(dataset)
    params = draws.params[0][~draws.diverged[0]].reshape(-1, draws.params.shape[-1])
    if not len(params):
        raise ContractError(f"method {spec.method} on {dataset.name}", "chains", "all diverged", "one with finite draws")
    built = modules.fitted(spec, dataset, None if draws.trunk is None else draws.trunk[0])
    spec = spec.model_copy(update={"student": modules.stated(spec, built)})
    card = _card(spec, dataset, draws, len(params), study, experiment, bool(mean.any() or (scale != 1).any()))
    params = np.ascontiguousarray(params, np.float32)
    bundle = Bundle(card, params, mean, scale, built).validate(f"{experiment}, {spec.method}")
    device = resolve_device(spec.device)
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        _check_reproduces(bundle, dataset, draws, device)
        learnt = draws.attrs.get("teachers_learnt_from", ())
        return replace(bundle, card=_measured(bundle, dataset, kept, learnt, device))


def bundle_files(
    spec: Mapping[str, Any], study: str, experiment: str, data: str | Path, logits: Sequence[str | Path], out: str | Path
) -> None:
    """Read data and logits, make the bundle, write it into the folder ``out``: what the rule ``bundle`` calls."""
    dataset = Dataset.read(data)
    teachers = [Logits.read(folder, dataset) for folder in logits]
    make_bundle(Spec.model_validate(spec), dataset, teachers, study, experiment).write(out)


def _first(dataset: Dataset) -> Dataset:
    """The first replicate of a simulation; real data as they are."""
    names = ("x", "y", "domain", "true_prob", "teacher_y")
    arrays = {name: getattr(dataset, name) for name in names}
    return replace(dataset, **{name: None if value is None else value[:1] for name, value in arrays.items()})


def _keep_risk_labels(dataset: Dataset, seed: int) -> Dataset:
    """The data with half of the validation examples, drawn at random, in the split ``RISK_LABELS``."""
    val = dataset.rows("val")
    if len(val) < 2:
        raise ContractError(f"dataset {dataset.name}", "validation examples", len(val), "2 or more",
                            "one half chooses the settings, the other measures the risk of an answer")  # fmt: skip
    kept = np.random.default_rng(derive(seed, "risk labels")).permutation(val)[: len(val) // 2]
    return replace(dataset, split=np.where(np.isin(np.arange(dataset.num_examples), kept), RISK_LABELS, dataset.split))


def scaling_of(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Mean and scale (F,) of the inputs, by the dataset's card; 0 and 1 where it gave them as they were.

    Without ``scaling``, a card must not say that its inputs were standardised, nor may they look so, unless it says outright
    that they were not (``standardise: false``).
    """
    size, settings = math.prod(dataset.x.shape[2:]), dataset.card.get("settings", {})
    where, expected = f"dataset {dataset.name}", f"mean and scale, {size} finite numbers each, the scale not below 0"
    if scaling := dataset.card.get("scaling"):
        mean, scale = (np.asarray(scaling.get(name, ()), np.float64) for name in ("mean", "scale"))
        if not all(v.shape == (size,) and np.isfinite(v).all() for v in (mean, scale)) or (scale < 0).any():
            raise ContractError(where, "scaling", f"shapes {mean.shape} and {scale.shape}", expected)
        return mean, scale
    if settings.get("standardise", bool(settings.get("encoders")) or _looks_standardised(dataset)):
        raise ContractError(where, "scaling", "nothing on the card of standardised inputs", expected,
                            "a student needs it to read new examples; make the data again")  # fmt: skip
    return np.zeros(size), np.ones(size)


def feature_names(dataset: Dataset) -> tuple[str, ...]:
    """Names (F,) of the inputs where the dataset's card has them."""
    names = dataset.card.get("features")
    return tuple(map(str, names)) if isinstance(names, list) and len(names) == math.prod(dataset.x.shape[2:]) else ()


def _looks_standardised(dataset: Dataset) -> bool:
    """Whether nearly all inputs that vary have mean 0 and deviation 1 over the training examples, to rounding."""
    x = dataset.x[0, dataset.rows("train")].reshape(-1, math.prod(dataset.x.shape[2:])).astype(np.float64)
    mean, deviation = x.mean(0), x.std(0)
    varying = deviation > 0
    scaled = (np.abs(mean) < AGREE) & (np.abs(deviation - 1) < AGREE)
    return bool(varying.any() and scaled[varying].mean() > 0.9)


def _check_reproduces(bundle: Bundle, dataset: Dataset, draws: Draws, device: str) -> None:
    """Raise ContractError unless the bundle, given inputs as a user has them, predicts what the fit predicted."""
    rows, whole = draws.example_index, ~draws.diverged[0]
    raw = dataset.x[0, rows].reshape(len(rows), -1).astype(np.float64) * bundle.scale + bundle.mean
    found = bundle.draw_probs(bundle.standardised(raw), device).mean(0, dtype=np.float64)
    expected = draws.prob[0][whole].reshape(-1, *found.shape).mean(0, dtype=np.float64)
    if not (worst := float(np.abs(found - expected).max())) <= AGREE:
        raise ContractError(f"student {bundle.card.experiment} {bundle.card.method}", "probabilities of test examples",
                            f"some that differ by {worst:.2g} from those of its fit", f"at most {AGREE:g}",
                            "the kept weights or the scaling of the inputs are not those of the fit")  # fmt: skip


def _card(
    spec: Spec, dataset: Dataset, draws: Draws, count: int, study: str, experiment: str, standardised: bool
) -> Card:  # fmt: skip
    chosen = next(row for row in draws.tuning if row["chosen"])
    chosen_values = {name: chosen.get(name) for name in spec.posterior}
    chosen_values |= {student_scaling.ATTRIBUTE: draws.attrs[student_scaling.ATTRIBUTE][0]} if spec.student_scaling else {}
    encoders = dataset.card.get("settings", {}).get("encoders", {})
    licences = {f"encoder {name}": registry.part("encoder", name).LICENCE for name in encoders}
    return Card(
        study=study,
        experiment=experiment,
        method=spec.method,
        intended_use=f"Research: which of {dataset.num_classes} classes {'a protein' if encoders else 'an example'} belongs "
                     f"to, and how sure that is ({', '.join(dataset.class_names)}).",
        limits=(),
        licences={"data": str(dataset.card.get("licence", "not stated")), **licences},
        data=data_card(dataset),
        class_names=dataset.class_names,
        inputs=Inputs(features=dataset.x.shape[2:], names=feature_names(dataset), encoders=encoders,
                      standardised=standardised, cut=dataset.card.get("cut")),
        architecture=spec.student.architecture,
        settings=spec.student.settings,
        draws=count,
        risk=(),
        scores={},
        gates={row["gate"]: cast(Verdict, word(row)) for row in draws.gates},  # of the one replicate
        chains=_chains(draws),
        config=finite(spec.model_dump(mode="json")),
        tuned={name: value for name, value in chosen_values.items() if isinstance(value, int | float) and math.isfinite(value)},
        seeds={**draws.attrs["seeds"], "replicate": 0},
        versions={name: version(name) for name in LIBRARIES},
    )  # fmt: skip


def data_card(dataset: Dataset) -> dict[str, Any]:
    """What a student's card says of the data that it learnt from."""
    counts = {s: int((dataset.split == s).sum()) for s in dataset.splits()}
    return {"name": dataset.name, **finite({key: dataset.card[key] for key in DATA if key in dataset.card}), "counts": counts}


def _chains(draws: Draws) -> str:
    """How the chains of the first replicate are combined."""
    if draws.chain_weight is None:
        return "pooled"
    if why_not := draws.stacking[0]["why_not"]:
        return f"pooled, {why_not}"
    return within_chains.told(draws.chain_weight[0])


def _measured(bundle: Bundle, dataset: Dataset, kept: np.ndarray, learnt: Sequence[str], device: str) -> Card:
    """The card with what the draws do on evaluated and validation examples, those (n,) ``kept`` from the fit apart.

    ``learnt``: the splits that teachers learnt from.
    """
    examples = Examples.of(dataset, 0)
    scores, sure, wrong, sets = {}, {}, {}, ()
    for name, rows in (("val", np.setdiff1d(dataset.rows("val"), kept)), ("kept", kept), ("test", examples.evaluated())):
        prob, here = bundle.draw_probs(dataset.x[0, rows], device), examples.take(rows)
        scored = scoring.score(prob, here, LEVELS)
        sets = set_points(scored.mean, here.y) if name == "kept" else sets
        for row in scoring.metric_rows(scored, LEVELS) if name != "kept" else ():
            if row["domain"] == scoring.ALL and row["metric"] in SCORES and math.isfinite(row["value"]):
                scores.setdefault(row["split"], {})[row["metric"]] = row["value"]
        inside = here.split == "test" if name == "test" else slice(None)
        sure[name], wrong[name] = scored.mean[inside].max(-1), scored.mean[inside].argmax(-1) != here.y[inside]
    others = () if (dataset.split[kept] == "test").any() else (sure["test"], wrong["test"])
    risk = risk_points(sure["kept"], wrong["kept"], *others)
    limits = _limits(bundle.card, dataset, scores, len(kept), bool({*dataset.split[kept].tolist()} & {*learnt}))
    return bundle.card.model_copy(update={"scores": scores, "risk": risk, "sets": sets, "limits": limits})


def _limits(
    card: Card, dataset: Dataset, scores: Mapping[str, Mapping[str, float]], kept: int, taught: bool
) -> tuple[str, ...]:  # fmt: skip
    """What a user should know before trusting an answer, from the card's own numbers.

    ``kept``: examples that the risk was measured on; ``taught``: teachers learnt from some of their kind.
    """
    found = [f"Of the {card.data['counts']['test']:,} test examples {scores['test']['accuracy']:.1%} are classified rightly."]
    found.append("One class an example: where several apply, at most one is named.")
    if "homology_partitions" in card.data:
        found.append(f"Homology partitions: {card.data['homology_partitions']}.")
    for split, values in scores.items():
        if split.startswith("ood:") and "ood_auroc" in values:
            told = f"Uncertainty tells '{split.removeprefix('ood:')}' from test examples with AUROC {values['ood_auroc']:.2f}"
            found.append(told + (f"; accuracy there {values['accuracy']:.1%}." if "accuracy" in values else "."))
    judging = {gate: told for gate, told in card.gates.items() if gate not in INFORMING}
    failed, open_ = ([gate for gate, told in judging.items() if told == which] for which in ("failed", "not judged"))
    if failed:
        found.append(f"The posterior failed the gates {', '.join(failed)}: its intervals may be too short or too long.")
    if open_:
        found.append(f"Gates that could not be judged: {', '.join(open_)}. Nobody knows whether its intervals can be trusted.")
    found += [f"Failed check {g}: {GATES[g].advice}." for g in sorted(INFORMING) if card.gates.get(g) == "failed"]
    if card.architecture == modules.ARCHITECTURE:
        found.append(modules.limit(card.settings))
    if card.draws == 1:
        found.append("A point estimate: no credible intervals and no epistemic share.")
    if card.config["layers"] == "last":
        found.append("Only its last layer was drawn: what the layers before it do not know is missing from its intervals.")
    if card.chains.startswith("stacked"):
        found.append(f"Draws are {card.chains}, by how each predicts left-out labels: a mixture of modes, not the posterior.")
    found.append(f"Risk levels were measured on {kept:,} validation examples that chose no setting. They are promises about "
                 "examples drawn as these were, and about no others.")  # fmt: skip
    if taught:
        found.append("Its teachers learnt from such examples, too: risk levels and prediction sets hold approximately.")
    found.append("Not for diagnosis, nor for any decision about a person.")
    return tuple(found)


def finite(content: Any) -> Any:
    """JSON has no infinity: such a number becomes text."""
    if isinstance(content, dict):
        return {key: finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [finite(value) for value in content]
    return str(content) if isinstance(content, float) and not math.isfinite(content) else content
