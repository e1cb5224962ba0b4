"""Does a curve of config.yaml fit together? Its methods, label counts and folds; the rest is checked as an experiment's is."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from mtbkd.base.explain import KeyPath, Mistake, sentence
from mtbkd.base.settings import settings_of
from mtbkd.study.asked.curves import NO_TEACHERS, REFERENCES, Curve

if TYPE_CHECKING:
    from mtbkd.study.models import Config


def curve_mistakes(config: "Config", path: KeyPath, curve: Curve) -> Iterator[Mistake]:
    """Mistakes that no experiment can have.

    Args:
        config: entries that are sound in themselves.
        path: where the curve stands.
        curve: sound in itself.
    """
    known = [name for name in curve.methods if name in config.methods]
    plain = [name for name in known if config.methods[name].signal == "none"]
    if len(plain) != 1 and len(known) == len(curve.methods):
        allowed = "exactly one method with signal none, which the others are held against"
        yield Mistake((*path, "methods"), sentence(plain or list(curve.methods), allowed))
    for index, name in enumerate(curve.methods):
        if name in known and config.methods[name].tuned_by is not None:
            allowed = "methods without tuned_by, as settings are chosen by MAP fits inside the labels here"
            yield Mistake((*path, "methods", index), sentence(name, allowed))
    for name in {NO_TEACHERS, REFERENCES} & set(curve.teachers):
        allowed = "any other name, as it is a folder of students without teachers or of the teachers alone"
        yield Mistake((*path, "teachers", name), sentence(name, allowed))
    counts = [n for n in curve.labels if isinstance(n, int)]
    if counts and min(counts) < curve.folds:
        allowed = f"at least {curve.folds} labels, one for each of the {curve.folds} folds"
        yield Mistake((*path, "labels"), sentence(min(counts), allowed, "lower folds"))
    most = _available(config, curve.dataset)
    if most is not None and counts and max(counts) > most:
        allowed = f"at most {most}, the labelled training and validation examples of dataset '{curve.dataset}'"
        yield Mistake((*path, "labels"), sentence(max(counts), allowed, "write all for all of them"))


def _available(config: "Config", name: str) -> int | None:
    """Labelled training and validation examples where the settings tell: in simulations."""
    entry = config.datasets.get(name)
    settings: Mapping[str, float] = settings_of("dataset", entry.kind, entry.settings).model_dump() if entry else {}
    sizes = [settings.get(key) for key in ("n_train", "n_val", "label_share")]
    if not all(isinstance(size, int | float) for size in sizes):
        return None
    train, val, share = (float(size or 0) for size in sizes)
    return round(train * share) + round(val)
