"""Split a table before teachers are trained: ids and splits in a file that the dataset's setting ``splits`` reads back.

Without groups the split is the one of the dataset kind ``table``: the same shares in every class; with a column of domains, in
every class of every domain. Domains that are held out are splits of their own, ``ood:<domain>``. With a column of groups no
group stands in two splits (scikit-learn's StratifiedGroupKFold: of five folds one is test, one val). N rows.
"""

import csv
from collections.abc import Iterable
from types import SimpleNamespace

import numpy as np

from mtbkd.base import delimited
from mtbkd.base.delimited import listed
from mtbkd.base.errors import ConfigError, ContractError, nearest
from mtbkd.base.explain import validate
from mtbkd.base.writing import atomic
from mtbkd.contracts.artefacts import SPLITS
from mtbkd.data.datasets import table_columns
from mtbkd.data.datasets.table import Settings, draw_splits

MOST_DOMAINS = 20  # that are told of
FOLDS = 5  # one for test, one for val: 20 % each


def run(asked: SimpleNamespace) -> None:
    """Read the table, draw, write; ContractError for anything wrong with the file or the options."""
    if asked.out.exists():
        raise ContractError(
            asked.out, "--out", "a file that exists", "a new name", "teachers may have been trained on that split"
        )
    settings = settings_of(asked, ("label", "id", "domain", "separator", "encoding", "missing"))
    sheet = delimited.read(asked.table, settings.separator, settings.encoding)
    labels = table_columns.labels(sheet, settings.label, settings.missing)
    _, y = table_columns.classes(sheet, settings.label, labels)
    ids = sheet.refuse_repeats(settings.id) if settings.id else [str(i) for i in range(len(y))]
    domain = _domains(sheet, asked, settings.label)
    split = _drawn(sheet, asked, y, domain)
    table_columns.refuse_unlabelled(sheet, settings.label, y, split)
    with atomic(asked.out) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([("id", "split"), *zip(ids, split.tolist(), strict=True)])
    print(f"{asked.out}: {_counts(split)}")
    for name in sorted(set(domain))[:MOST_DOMAINS]:
        print(f"domain {name}: {_counts(split[np.array(domain) == name])}")


def _counts(split: np.ndarray) -> str:
    names = [*SPLITS, *sorted(set(split.tolist()) - set(SPLITS))]
    return ", ".join(f"{name} {n:,}" for name in names if (n := int((split == name).sum())))


def _domains(sheet: delimited.Sheet, asked: SimpleNamespace, label: str) -> list[str]:
    """The domain (N,) of every row; [] where no column is named."""
    if asked.domain is None:
        if asked.held_out:
            raise ContractError("--held-out", "option", "no --domain", "--domain COL beside it")
        return []
    if sheet.find(asked.domain) in (sheet.find(label), asked.group):
        raise ContractError("--domain", "column", f"'{asked.domain}' in two roles", "one role per column")
    domain = table_columns.domains(sheet, asked.domain)
    for name in asked.held_out or ():
        if name not in domain:
            raise ContractError("--held-out", "domain", f"'{name}'", listed(sorted(set(domain))), nearest(name, set(domain)))
        table_columns.check_split(f"ood:{name}", sheet.path, f"column '{asked.domain}'")
    return domain


def _drawn(sheet: delimited.Sheet, asked: SimpleNamespace, y: np.ndarray, domain: list[str]) -> np.ndarray:
    """The split (N,) of every row, drawn within classes, or within classes and domains."""
    split = np.full(len(y), "train", dtype=f"<U{max(5, *(4 + len(name) for name in (*domain, '')))}")
    outside = np.isin(domain, asked.held_out or []) if domain else np.zeros(len(y), bool)
    split[outside] = [f"ood:{name}" for name, out in zip(domain, outside, strict=False) if out]
    inside, strata = ~outside, y
    if domain:
        _, codes = np.unique(domain, return_inverse=True)
        strata = np.where(y >= 0, y * (codes.max() + 1) + codes, -1)
    if not inside.any():
        raise ContractError("--held-out", "domains", "all of them", "fewer", "other domains are learnt from")
    if asked.group is None:
        split[inside] = draw_splits(strata[inside], np.random.default_rng(asked.seed))
    else:
        split[inside] = grouped_splits(sheet, asked.group, strata, inside, asked.seed)
    return split


def settings_of(asked: SimpleNamespace, names: Iterable[str]) -> Settings:
    """The options as settings of a table, checked like these; ConfigError names all that are wrong."""
    content = {name: value for name in names if (value := getattr(asked, name)) is not None}
    settings, mistakes = validate(Settings, {"path": str(asked.table), **content})
    if settings is None:
        raise ConfigError("; ".join(f"--{mistake}" if mistake.path else f"options: {mistake.text}" for mistake in mistakes))
    return settings


def grouped_splits(sheet: delimited.Sheet, column: str, y: np.ndarray, inside: np.ndarray, seed: int) -> np.ndarray:
    """Splits (n,) of the rows ``inside`` (N,) in which no group of the column stands twice; ContractError if that cannot be.

    Args:
        sheet: the table.
        column: of the groups.
        y: int (N,), what every split should have the same shares of; -1 where there is no label.
        inside: bool (N,); the other rows are held out, with their groups.
        seed: of the draw.
    """
    from sklearn.model_selection import StratifiedGroupKFold

    groups = np.array(sheet.column(column))
    empty = np.flatnonzero(groups == "")
    if len(empty):
        raise ContractError(sheet.path, sheet.place(empty[0], column), "an empty cell", "a group in every row")
    if shared := sorted(set(groups[inside]) & set(groups[~inside])):
        raise ContractError(sheet.path, f"column '{column}'", f"groups inside and outside of held-out domains, such as "
                            f"'{shared[0]}'", "groups of one side only")  # fmt: skip
    groups, y = groups[inside], y[inside]
    labelled = y >= 0
    mixed = sorted(set(groups[labelled]) & set(groups[~labelled]))
    if mixed:
        raise ContractError(sheet.path, f"column '{column}'", f"groups of labelled and unlabelled rows, such as '{mixed[0]}'",
                            "groups with a label in every row or in none", "unlabelled rows are training rows")  # fmt: skip
    count = len(set(groups[labelled]))
    if count < FOLDS or np.bincount(y[labelled]).max() < FOLDS:
        expected = f"at least {FOLDS}, and as many rows of a class"
        raise ContractError(sheet.path, f"column '{column}'", f"{count} groups of labelled rows", expected)
    split = np.full(len(y), "train", dtype="<U5")
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed % 2**32)
    rows = np.flatnonzero(labelled)
    for name, (_, held) in zip(("test", "val"), folds.split(rows, y[labelled], groups[labelled]), strict=False):
        split[rows[held]] = name
    return split
