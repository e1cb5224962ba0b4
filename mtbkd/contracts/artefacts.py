"""The files that rules hand on: one dataclass per kind, each with validate, write and read.

Arrays travel as safetensors, cards as JSON, example tables as CSV, draws as NetCDF. Files appear completely or not at all:
they are written beside their place and moved into it. Shapes: R replicates, N examples, G teachers, K classes.
"""

import csv
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mtbkd.base.errors import ContractError
from mtbkd.base.reading import read_arrays, read_json, regular_file
from mtbkd.base.seals import opened_card, sealed_card
from mtbkd.base.writing import atomic, write_arrays, write_json

SPLITS = ("train", "val", "test")
TEACHERS = "teachers"  # the split whose labels only teachers learn from; most datasets have none
CARD = "card.json"
_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")


def read_card(folder: str | Path, files: Sequence[str] = ()) -> dict[str, Any]:
    """The entries of ``folder``/card.json; ContractError if they, or one of the ``files`` beside it, changed since."""
    folder = Path(folder)
    path = folder / CARD
    beside = [regular_file(folder / name, "a file of the same job", "run the rule that makes it") for name in files]
    return opened_card(read_json(path), path, beside)


def digest(content: Any) -> str:
    """A short stable hash of JSON-able ``content``: the key under which results/shared/ keeps what depends on it."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:10]


def ids_digest(ids: np.ndarray) -> str:
    """Hash of the examples' ids in their order: two files agree on it only if their rows mean the same examples."""
    return hashlib.sha256("\n".join(map(str, ids)).encode()).hexdigest()


def _check_names(content: Mapping[str, Any], where: Path, names: Sequence[str]) -> None:
    for name in names:
        _check(name in content, where, name, "missing", "an entry of that name")


def _check(ok: bool, where: object, name: str, found: object, expected: object, hint: str = "") -> None:
    if not ok:
        raise ContractError(where, name, found, expected, hint)


@dataclass(frozen=True)
class Dataset:
    """Examples with their split: what every later step reads.

    Attributes:
        name: as in config.yaml.
        x: float32 (R or 1, N, *features); simulations redraw it per replicate, tables may be resplit, other data have R = 1.
        y: int64 (R or 1, N), class in 0..K-1; -1 is unlabelled (train and ood:* only, and everywhere in ``teachers``).
        split: str (N,), one of train, val, test, teachers, ood:<name>; the same for all replicates. Rows of ``teachers`` are
            for teachers alone: students, tuning and scores never see them, and their labels stand in ``teacher_y`` only.
        class_names: K names.
        ids: str (N,), unique.
        domain: int64 (R or 1, N) into ``domain_names``, or None.
        true_prob: float32 (R or 1, N, K) class probabilities where known (simulations), or None.
        teacher_y: int64 (R or 1, N), labels that teachers train on where the student's are hidden; None: the same as y.
        targets: uint8 (R or 1, N, K), 1 for every class of an example that may have several; None: y says it all.
        card: what a human wants to know: source, licence, settings, counts.
    """

    name: str
    x: np.ndarray
    y: np.ndarray
    split: np.ndarray
    class_names: tuple[str, ...]
    ids: np.ndarray
    domain: np.ndarray | None = None
    domain_names: tuple[str, ...] = ()
    true_prob: np.ndarray | None = None
    teacher_y: np.ndarray | None = None
    targets: np.ndarray | None = None
    card: dict[str, Any] = field(default_factory=dict)

    FILES = ("data.safetensors", "examples.csv", CARD)

    @property
    def num_replicates(self) -> int:
        return self.x.shape[0]

    @property
    def num_examples(self) -> int:
        return self.x.shape[1]

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @property
    def teachers_split(self) -> str:
        """The split that teachers learn from: ``teachers`` where there is one, else ``train``."""
        return TEACHERS if (self.split == TEACHERS).any() else "train"

    def rows(self, split: str) -> np.ndarray:
        """Indices (n,) of the examples of ``split``."""
        return np.flatnonzero(self.split == split)

    def splits(self) -> list[str]:
        """The splits that occur, train val test teachers first."""
        present, first = set(map(str, self.split)), (*SPLITS, TEACHERS)
        return [s for s in first if s in present] + sorted(present - set(first))

    def validate(self, where: object | None = None) -> "Dataset":
        """Return self, or raise ContractError that names the first field that breaks the contract."""
        where = where or f"dataset {self.name}"
        n, k = self.num_examples if self.x.ndim >= 3 else -1, self.num_classes
        ok = self.x.ndim >= 3 and 0 not in self.x.shape[2:]
        _check(ok, where, "x", f"shape {self.x.shape}", "(replicates, examples, features...)")
        _check(self.x.dtype == np.float32, where, "x", f"dtype {self.x.dtype}", "float32")
        _check(bool(np.isfinite(self.x).all()), where, "x", "non-finite values", "finite numbers")
        r = self.num_replicates
        _check(self.y.shape == (r, n), where, "y", f"shape {self.y.shape}", f"{(r, n)}")
        _check(self.y.dtype == np.int64, where, "y", f"dtype {self.y.dtype}", "int64")
        ok = k >= 2 and len(set(self.class_names)) == k and all(isinstance(c, str) and c for c in self.class_names)
        _check(ok, where, "class_names", f"{list(self.class_names)[:5]}, {k} in all", "at least 2, each of them text and once")
        _check(n == 0 or (self.y.min() >= -1 and self.y.max() < k), where, "y", f"labels {self.y.min()}..{self.y.max()}",
               f"-1 (unlabelled) or 0..{k - 1}", "are the classes numbered from 1?")  # fmt: skip
        if (teacher_y := self.teacher_y) is not None:
            ok = teacher_y.shape == (r, n) and teacher_y.dtype == np.int64
            _check(ok, where, "teacher_y", f"{teacher_y.dtype}, shape {teacher_y.shape}", f"int64, {(r, n)}")
            ok = bool(((teacher_y >= -1) & (teacher_y < k)).all())
            _check(ok, where, "teacher_y", f"labels {teacher_y.min()}..{teacher_y.max()}", f"-1 (unlabelled) or 0..{k - 1}")
        self._validate_split(where, n)
        _check(self.ids.shape == (n,), where, "ids", f"shape {self.ids.shape}", f"({n},)")
        _check(len(set(self.ids.tolist())) == n, where, "ids", "repeated ids", "one id an example, in one split only",
               "an example in two splits would leak")  # fmt: skip
        odd = next((name for name in map(str, self.ids.tolist()) if not name or _CONTROL.search(name)), None)
        _check(odd is None, where, "ids", f"{odd!a}", "text of one line")
        if self.domain is not None:
            ok = self.domain.shape == (r, n) and self.domain.dtype == np.int64
            _check(ok, where, "domain", f"{self.domain.dtype}, shape {self.domain.shape}", f"int64, {(r, n)}")
            d = len(self.domain_names)
            _check(bool(((self.domain >= 0) & (self.domain < d)).all()), where, "domain",
                   f"codes {self.domain.min()}..{self.domain.max()}", f"0..{d - 1}")  # fmt: skip
        if self.true_prob is not None:
            _check(self.true_prob.shape == (r, n, k), where, "true_prob", f"shape {self.true_prob.shape}", f"{(r, n, k)}")
            ok = bool((self.true_prob >= 0).all() and np.allclose(self.true_prob.sum(-1), 1, atol=1e-4))
            _check(ok, where, "true_prob", "rows that are no probabilities", "rows >= 0 that sum to 1")
        if self.targets is not None:
            self._validate_targets(where, self.targets)
        return self

    def _validate_targets(self, where: object, targets: np.ndarray) -> None:
        shape = (self.num_replicates, self.num_examples, self.num_classes)
        _check(targets.shape == shape, where, "targets", f"shape {targets.shape}", f"{shape}")
        _check(targets.dtype == np.uint8, where, "targets", f"dtype {targets.dtype}", "uint8")
        _check(bool((targets <= 1).all()), where, "targets", f"values up to {targets.max()}", "0 or 1")
        _check(bool((targets.sum(-1) > 0).all()), where, "targets", "examples of no class", "at least one class an example")
        labelled = self.y >= 0
        own = np.take_along_axis(targets, np.maximum(self.y, 0)[..., None], -1)[..., 0]
        _check(
            bool((own[labelled] == 1).all()), where, "targets", "labels y that are not among them", "y is one of the targets"
        )

    def _validate_split(self, where: object, n: int) -> None:
        _check(self.split.shape == (n,), where, "split", f"shape {self.split.shape}", f"({n},)")
        known = (*SPLITS, TEACHERS)
        odd = sorted({s for s in map(str, self.split) if s not in known and not re.fullmatch(r"ood:[\w.-]+", s)})
        _check(not odd, where, "split", odd, "train, val, test, teachers or ood:<name>")
        for split in SPLITS:
            _check(bool((self.split == split).any()), where, "split", f"no example of '{split}'", "at least one")
        for split in ("val", "test"):
            unlabelled = int((self.y[:, self.split == split] < 0).sum())
            _check(unlabelled == 0, where, "y", f"{unlabelled} unlabelled examples in '{split}'", "labels outside train")
        rows = self.split == TEACHERS
        shown = int((self.y[:, rows] >= 0).sum())
        _check(shown == 0, where, "y", f"{shown} labels in '{TEACHERS}'", "-1 there, and the labels in teacher_y",
               "students must not see them")  # fmt: skip
        without = rows.sum() * len(self.y) if self.teacher_y is None else int((self.teacher_y[:, rows] < 0).sum())
        _check(without == 0, where, "teacher_y", f"{without} unlabelled examples in '{TEACHERS}'",
               "a label for each of them")  # fmt: skip

    def write(self, folder: str | Path) -> None:
        """Validate, then write data.safetensors, examples.csv (id, split) and card.json into ``folder``."""
        self.validate()
        folder = Path(folder)
        optional = {name: getattr(self, name) for name in ("domain", "true_prob", "teacher_y", "targets")}
        arrays = {"x": self.x, "y": self.y, **optional}
        write_arrays(folder / self.FILES[0], {name: a for name, a in arrays.items() if a is not None})
        with atomic(folder / self.FILES[1]) as temporary, open(temporary, "w", newline="", encoding="utf-8") as handle:
            writer = csv.writer(handle)
            writer.writerow(["id", "split"])
            writer.writerows(zip(self.ids.tolist(), self.split.tolist(), strict=True))
        counts = {s: int((self.split == s).sum()) for s in self.splits()}
        labelled = int(((self.y[0] >= 0) & (self.split == "train")).sum())
        card = {"labelled_train": labelled, **self.card, "name": self.name, "class_names": list(self.class_names),
                "counts": counts, "domain_names": list(self.domain_names), "ids_sha256": ids_digest(self.ids)}  # fmt: skip
        write_json(folder / CARD, sealed_card(card, [folder / name for name in self.FILES[:2]]))

    @classmethod
    def read(cls, folder: str | Path) -> "Dataset":
        """Read and validate what ``write`` wrote; ContractError names file and field."""
        folder = Path(folder)
        card = read_card(folder, cls.FILES[:2])
        arrays = read_arrays(folder / cls.FILES[0])
        _check_names(arrays, folder / cls.FILES[0], ("x", "y"))
        _check_names(card, folder / CARD, ("name", "class_names"))
        with open(folder / cls.FILES[1], newline="", encoding="utf-8") as handle:
            table = list(csv.DictReader(handle))
        _check(bool(table) and {"id", "split"} <= set(table[0]), folder / cls.FILES[1], "columns", "others", "id, split")
        return cls(
            name=card["name"], x=arrays["x"], y=arrays["y"], split=np.array([row["split"] for row in table]),
            class_names=tuple(card["class_names"]), ids=np.array([row["id"] for row in table]),
            domain=arrays.get("domain"), domain_names=tuple(card.get("domain_names", ())),
            true_prob=arrays.get("true_prob"), teacher_y=arrays.get("teacher_y"), targets=arrays.get("targets"),
            card=card,
        ).validate(folder)  # fmt: skip


@dataclass(frozen=True)
class Logits:
    """One teacher's logits on a dataset, computed once on the deterministic view and shared by all methods.

    Attributes:
        teacher: as in config.yaml.
        logits: float32 (R or 1, N, K), finite; rows that the teacher does not cover are 0.
        covered: bool (N,), the examples that the teacher has logits for (a released teacher may miss some splits).
        ids_sha256: ``ids_digest`` of the dataset's ids, so that rows in another order are refused.
        card: family, settings, accuracy by split and domain, source.
    """

    teacher: str
    logits: np.ndarray
    covered: np.ndarray
    ids_sha256: str
    card: dict[str, Any] = field(default_factory=dict)

    FILES = ("logits.safetensors", CARD)

    def validate(self, dataset: Dataset | None = None, where: object | None = None) -> "Logits":
        """Return self, or raise ContractError; with ``dataset``, rows, classes and order must match it."""
        where = where or f"teacher {self.teacher}"
        _check(self.logits.ndim == 3, where, "logits", f"shape {self.logits.shape}", "(replicates, examples, classes)")
        _check(self.logits.dtype == np.float32, where, "logits", f"dtype {self.logits.dtype}", "float32")
        bad = int((~np.isfinite(self.logits)).any((0, 2)).sum())
        _check(bad == 0, where, "logits", f"{bad} examples with NaN or infinite values", "finite numbers",
               "are these probabilities of 0 turned into logarithms?")  # fmt: skip
        ok = self.covered.shape == self.logits.shape[1:2] and self.covered.dtype == bool
        expected = f"bool, {self.logits.shape[1:2]}"
        _check(ok, where, "covered", f"{self.covered.dtype}, shape {self.covered.shape}", expected)
        if dataset is not None:
            n, k = dataset.num_examples, dataset.num_classes
            _check(self.logits.shape[1] == n, where, "logits", f"{self.logits.shape[1]} examples", f"{n} ({dataset.name})")
            _check(self.logits.shape[2] == k, where, "logits", f"{self.logits.shape[2]} classes", f"{k} ({dataset.name})")
            _check(self.logits.shape[0] in (1, dataset.num_replicates), where, "logits",
                   f"{self.logits.shape[0]} replicates", f"1 or {dataset.num_replicates}")  # fmt: skip
            _check(self.ids_sha256 == ids_digest(dataset.ids), where, "ids", "rows in another order or of other data",
                   f"the ids of {dataset.name} in its order", "recompute the logits")  # fmt: skip
        return self

    def write(self, folder: str | Path) -> None:
        """Validate, then write logits.safetensors and card.json into ``folder``."""
        self.validate()
        path = Path(folder) / self.FILES[0]
        write_arrays(path, {"logits": self.logits, "covered": self.covered})
        card = {**self.card, "teacher": self.teacher, "ids_sha256": self.ids_sha256}
        write_json(path.with_name(CARD), sealed_card(card, [path]))

    @classmethod
    def read(cls, folder: str | Path, dataset: Dataset | None = None) -> "Logits":
        """Read and validate what ``write`` wrote."""
        path = Path(folder) / cls.FILES[0]
        card = read_card(folder, cls.FILES[:1])
        arrays = read_arrays(path)
        _check_names(arrays, path, ("logits", "covered"))
        _check_names(card, path.with_name(CARD), ("teacher", "ids_sha256"))
        return cls(card["teacher"], arrays["logits"], arrays["covered"], card["ids_sha256"], card).validate(dataset, path)


def stack_logits(teachers: list[Logits]) -> np.ndarray:
    """Stack the teachers of one dataset: float32 (R or 1, N, G, K)."""
    r = max(t.logits.shape[0] for t in teachers)
    return np.stack([np.broadcast_to(t.logits, (r, *t.logits.shape[1:])) for t in teachers], axis=2)
