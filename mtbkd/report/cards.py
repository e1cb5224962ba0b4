"""Descriptions of datasets and teachers on the page, from their cards."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mtbkd.contracts.artefacts import SPLITS, TEACHERS, read_card
from mtbkd.report.numbers import NONE, listed
from mtbkd.report.table import Cell, Column, Row, Table, number, text

# Shown in words, or not useful to a reader.
TOLD = {"name", "kind", "source", "licence", "counts", "class_names", "domain_names", "domains", "labelled_train",
        "simulated", "bayes_accuracy", "settings", "seed", "replicates", "resampled", "ids_sha256", "ids", "id_column",
        "imputed"}  # fmt: skip


def first_cards(paths: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """Name -> the card of its first block."""
    return {name: read_card(Path(files[0]).parent) for name, files in paths.items()}


def dataset_facts(card: Mapping[str, Any], replicates: int) -> list[tuple[str, str]]:
    """(heading, sentence) of one dataset."""
    classes, domains = card["class_names"], card.get("domain_names") or []
    counts = ", ".join(f"{split} {n:,}" for split, n in _ordered(card["counts"]))
    shown = listed(list(map(str, classes))) if len(classes) <= 12 else f"{classes[0]} to {classes[-1]}"
    facts = [("Source", str(card.get("source", "not stated"))), ("Licence", str(card.get("licence", "not stated")))]
    facts += [
        ("Examples", counts),
        ("Replicates", f"{replicates}; data {_again(card)}"),
        ("Classes", f"{len(classes)}: {shown}"),
    ]
    facts.append(("Label budget", label_budget(card)))
    if domains:
        told = f" ({card['domains']})" if card.get("domains") else ""
        facts.append(("Domains", f"{listed(list(map(str, domains)))}{told}"))
    if "bayes_accuracy" in card:
        facts.append(("Best possible accuracy", f"{card['bayes_accuracy']:.3f}, reached by the true probabilities"))
    facts += [(heading, card[key]) for key, heading in (("ids", "Ids"), ("imputed", "Missing values")) if key in card]
    facts += [("Warning", doubt) for doubt in card.get("warnings", ())]
    return facts + [(name, str(value)) for name, value in card.items() if name not in TOLD and isinstance(value, str)]


def _again(card: Mapping[str, Any]) -> str:
    if card.get("simulated"):
        return "redrawn in every replicate"
    if card.get("resampled"):
        return "from one table, randomly resplit in every replicate"
    return "the same in every replicate; only the student's seeds vary"


def label_budget(card: Mapping[str, Any]) -> str:
    """``60 of 3,000 training examples and 100 validation examples for tuning: 160 in total``."""
    train, val = (card["counts"].get(split, 0) for split in ("train", "val"))
    labelled = card.get("labelled_train", train)
    trained = f"{labelled:,} of {train:,}" if labelled < train else f"all {train:,}"
    return f"{trained} training examples and {val:,} validation examples for tuning: {labelled + val:,} in total"


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    first = [*SPLITS, TEACHERS]
    return sorted(counts.items(), key=lambda item: (first.index(item[0]) if item[0] in first else len(first), item[0]))


def teacher_table(name: str, plans: Sequence[Mapping[str, Any]], cards: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row per teacher: what it is, what it saw, and its accuracy on training and other rows."""
    head = [Column("Teacher"), Column("Family"), Column("Main domain")]
    head += [Column("Parameters", True), Column("Training examples seen", True)]
    head += [Column(f"Accuracy, {split}", True, "in the first block of replicates") for split in SCORED.values()]
    shown = [heading for heading, read in REMARKS.items() if any(read(cards[plan["name"]]) for plan in plans)]
    rows = []
    for plan in plans:
        card = cards[plan["name"]]
        numbers = [card.get("num_params"), card.get("examples_seen")]
        cells = [Cell(f"{n:,.0f}" if n is not None else NONE, "", n) for n in numbers]
        scores = [card.get("accuracy", {}).get(split) for split in SCORED]
        cells += [Cell(NONE, "", None) if score is None else number(score) for score in scores]
        cells += [text(REMARKS[heading](card) or NONE) for heading in shown]
        rows.append(Row([text(plan["name"]), text(plan["family"]), text(plan["domain"] or "all domains"), *cells]))
    caption = f"{name}: the teachers. They may have seen training rows, validation rows if declared, but never test rows."
    return Table(f"teachers-{name}", caption, [*head, *map(Column, shown)], rows)


def _rows(card: Mapping[str, Any]) -> str:
    """The rows it was trained on, or how rows of a file were matched to the data, and how its values were converted."""
    covered = ", ".join(f"{split} {n}" for split, n in card.get("covered", {}).items())
    told = (card.get("learnt"), card.get("joined"), covered and f"covers {covered}", card.get("values"), card.get("lacking"))
    return "; ".join(part for part in told if part)


SCORED = {"train": "training", "val": "validation", "test": "test"}
REMARKS: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "Trained on (as declared)": lambda card: ", ".join(card["seen"]) or "none of these splits" if "seen" in card else "",
    "Rows": _rows,
    "Warnings": lambda card: " ".join(card.get("warnings", ())),
}


def student_named(planned: Mapping[str, Any]) -> str:
    """The student of an experiment by its name in config.yaml; a torch module with that of its code."""
    spec = next(iter(planned["methods"].values()), {}).get("student", {})
    settings = spec.get("settings", {})
    code = settings.get("path") or settings.get("torchvision") if spec.get("architecture") == "module" else None
    return f"{planned['student']} (torch module {code})" if code else planned["student"]
