"""Which labels may choose between teachers? Those of rows that none of them was trained on: a teacher that learnt them by heart
would win.

Validation labels choose, unless a teacher saw them: its card says so (``seen``), or its scores do (``suspected``). Then
labelled training rows do, if every card says that its teacher did not see those. Where no such rows are left, validation labels
still choose, and it is said.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.contracts.artefacts import Dataset, Logits

log = logging.getLogger(__name__)
Cards = Mapping[str, Mapping[str, Any]]


def saw(cards: Cards, split: str) -> list[str]:
    """Teachers that were trained on ``split``, as their cards say or, where they do not, as their scores suggest."""
    stated = [name for name, card in cards.items() if split in in_sample(card)]
    return stated + [f"{name} (by its scores)" for name, card in cards.items() if split in card.get("suspected", ())]


def in_sample(card: Mapping[str, Any]) -> list[str]:
    """Splits on which predictions come from a model that was trained on them: ``seen`` without ``out_of_fold``."""
    return [split for split in card.get("seen", ()) if split not in card.get("out_of_fold", ())]


def learnt_from(cards: Cards) -> list[str]:
    """Splits whose labels some teacher may have learnt from, out of fold or not: of train, unless each card says no."""
    found = {split for card in cards.values() for split in (*card.get("seen", ("train",)), *card.get("suspected", ()))}
    return sorted(found)


def judging_split(cards: Cards) -> str:
    """The split whose labels choose between teachers."""
    stated = bool(cards) and all("seen" in card for card in cards.values())
    return "train" if saw(cards, "val") and stated and not saw(cards, "train") else "val"


def judging_rows(dataset: Dataset, teachers: Sequence[Logits]) -> np.ndarray:
    """Rows whose labels choose between ``teachers``: known in every replicate.

    Raises:
        ContractError: the teachers saw the validation split, and no training row has a label.
    """
    split = judging_split(_cards(teachers))
    rows = dataset.rows(split)
    labelled = rows[(dataset.y[:, rows] >= 0).all(0)]
    if not len(labelled):
        raise ContractError(f"choice between teachers on {dataset.name}", "labels", f"none on the split {split}",
                            "labelled examples that no teacher has seen")  # fmt: skip
    return labelled


def doubt(cards: Cards, split: str) -> str:
    """Warning about a choice between teachers by labels of ``split``; "" if no teacher saw them."""
    names = saw(cards, split)
    told = {"val": "validation", "train": "training"}[split]
    return f"teachers judged by {told} labels that {', '.join(names)} saw in training" if names else ""


def warn(choice: str, teachers: Sequence[Logits], split: str | None = None) -> None:
    """Log one line where ``choice`` is made by labels that a teacher was trained on: of ``split``, or of the judging one."""
    cards = _cards(teachers)
    if said := doubt(cards, split or judging_split(cards)):
        log.warning("warning: %s: %s: this favours teachers that memorised these labels", choice, said)


def doubtful(methods: Mapping[str, Mapping[str, Any]], cards: Cards) -> dict[str, str]:
    """Method or ``teachers:best`` -> by which labels it chose between teachers, where one of them saw the usual ones.

    ``methods``: name -> content of its ``mtbkd.inference.fitting.Spec``.
    """
    split = judging_split(cards)
    by_judging = doubt(cards, "val") if split == "val" else "teachers judged by training labels, which none of them saw"
    found = {"teachers:best": by_judging} if len(cards) > 1 else {}
    for name, spec in methods.items():
        needs = getattr(registry.part("weights", spec["weights"]), "NEEDS", ()) if spec["weights"] else ()
        judged = "validation" in needs or (len(cards) > 1 and takes_best(spec["signal"]["name"], spec["signal"]["settings"]))
        found[name] = by_judging if judged else doubt(cards, "train") if "labels" in needs else ""
    return {name: said for name, said in found.items() if said}


def takes_best(signal: str, settings: Mapping[str, Any]) -> bool:
    """Whether a signal uses the single teacher chosen by labels."""
    module = registry.part("signal", signal)
    return hasattr(module, "takes_best") and module.takes_best(module.Settings.model_validate(settings))


def _cards(teachers: Iterable[Logits]) -> Cards:
    return {teacher.teacher: teacher.card for teacher in teachers}
