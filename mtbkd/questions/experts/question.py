"""Do weights find the right expert? Which teacher weighs most on test examples, against the teachers that know them.

A teacher knows a domain if it was trained on it, and a class if it is not restricted to others. Test examples are grouped by
domain where the data have them, by class otherwise. Shapes: N examples, G teachers, K classes.
"""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from mtbkd.base import registry
from mtbkd.base.errors import ContractError, nearest
from mtbkd.base.explain import distinct
from mtbkd.base.lazy import pd
from mtbkd.contracts.artefacts import Dataset, Logits, stack_logits
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"dataset", "teachers"})
TABLES = ("confusion", "found")
TIE = 1e-9  # weights closer than this share the first place


def _known(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in registry.WEIGHTS:
            hint = nearest(name, registry.WEIGHTS)
            raise ValueError(f"allowed: {', '.join(sorted(registry.WEIGHTS))}" + (f"; {hint}" if hint else ""))
    return distinct(names)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    weights: Annotated[tuple[str, ...], AfterValidator(_known)] = Field(
        ("entropy", "exponential_entropy"), min_length=1, description="modules of mtbkd/pooling to compare"
    )


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables of the test examples of the first data.

    ``confusion``: weights, group, teacher, knows (the teacher knows the group), first (share of the group's examples on which
    it weighs most, ties shared), mean_weight, accuracy (the teacher's own), n.
    ``found``: weights, found (share of the examples on which a teacher that knows them weighs most), se, chance (share by
    drawing lots), weight_on_experts (their mean joint weight), n; examples that no teacher or every teacher knows are left out.
    """
    dataset, teachers = inputs.dataset(), inputs.teachers()
    test = dataset.rows("test")
    missing = [t.teacher for t in teachers if not t.covered[test].all()]
    if missing:
        raise ContractError(f"question {inputs.name}", "teachers", f"no test logits of {', '.join(missing)}",
                            "teachers that cover the test split")  # fmt: skip
    names, group = groups(dataset)
    group, y = group[test], dataset.y[0, test]
    knows = np.array([[_knows(t, name, dataset) for name in names] for t in teachers])
    logits = stack_logits(teachers)[:1, test].astype(np.float64)
    prob = np.exp(logits - logits.max(-1, keepdims=True))
    prob /= prob.sum(-1, keepdims=True)
    right = prob[0].argmax(-1) == y[:, None]
    confusion, found = [], []
    for name in settings.weights:
        module = registry.part("weights", name)
        if len(teachers) < module.MIN_TEACHERS:
            raise ContractError(
                f"question {inputs.name}", "teachers", len(teachers), f"at least {module.MIN_TEACHERS} for {name}"
            )
        weights = module.weights(prob)[0]
        first = weights >= weights.max(1, keepdims=True) - TIE
        first = first / first.sum(1, keepdims=True)
        confusion += _confusion(name, names, group, teachers, knows, first, weights, right)
        found.append({"weights": name, **_found(knows[:, group].T, first, weights)})
    return {"confusion": pd.DataFrame(confusion), "found": pd.DataFrame(found)}


def groups(dataset: Dataset) -> tuple[tuple[str, ...], np.ndarray]:
    """Names of the groups and each example's (N,): domains, or classes where there is no more than one domain."""
    if dataset.domain is not None and len(dataset.domain_names) > 1:
        return dataset.domain_names, dataset.domain[0]
    return dataset.class_names, dataset.y[0]


def _knows(teacher: Logits, group: str, dataset: Dataset) -> bool:
    """Is the group in the teacher's domain or classes? One without either knows all."""
    if group in dataset.domain_names:
        return teacher.card.get("domain") in (None, group)
    classes = (teacher.card.get("settings") or {}).get("classes")
    return classes is None or group in classes


def _confusion(
    weights_name: str, names: tuple[str, ...], group: np.ndarray, teachers: list[Logits], knows: np.ndarray,
    first: np.ndarray, weights: np.ndarray, right: np.ndarray,
) -> list[dict[str, object]]:  # fmt: skip
    rows = []
    for code, name in enumerate(names):
        inside = group == code
        for g, teacher in enumerate(teachers) if inside.any() else ():
            means = {"first": first[inside, g], "mean_weight": weights[inside, g], "accuracy": right[inside, g]}
            rows.append({"weights": weights_name, "group": name, "teacher": teacher.teacher, "knows": bool(knows[g, code]),
                         **{key: float(value.mean()) for key, value in means.items()}, "n": int(inside.sum())})  # fmt: skip
    return rows


def _found(knows: np.ndarray, first: np.ndarray, weights: np.ndarray) -> dict[str, float]:
    """``found`` of examples with some but not all teachers that know them; all arrays (N, G)."""
    asked = knows.any(1) & ~knows.all(1)
    hit, n = (first * knows).sum(1)[asked], int(asked.sum())
    if not n:
        return {"found": np.nan, "se": np.nan, "chance": np.nan, "weight_on_experts": np.nan, "n": 0}
    return {
        "found": float(hit.mean()),
        "se": float(hit.std(ddof=1) / np.sqrt(n)) if n > 1 else np.nan,
        "chance": float(knows[asked].mean()),
        "weight_on_experts": float((weights * knows).sum(1)[asked].mean()),
        "n": n,
    }
