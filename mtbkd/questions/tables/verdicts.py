"""What the scores of all tables say: the comparisons that the question ``tables`` states beforehand, and how to name things.

Group A, the first of the settings, is where defaults were chosen, and where the variant of tip to report is chosen, too; the
other groups test it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import ALL, Claim, comparisons, overall, overlaps, ranks

LABELS, CONTROL, SHARPENED = "labels", "self_training", "kd_mean"
TIP = "tip_"
FEW = 60  # labels at which one number is told where there is room for one
TITLES = {
    LABELS: "labels alone",
    CONTROL: "self-training",
    "uniform": "uninformative teachers",
    "kd_equal": "KD",
    "kd_entropy": "KD by entropy",
    SHARPENED: "KD on the sharpened mean",
    "kd_hinton": "KD with T\N{SUPERSCRIPT TWO}",
    "bkd_best": "BKD of one teacher",
    "tip_equal": "MT-BKD",
    "tip_entropy": "MT-BKD by entropy",
    "tip_equal_sharp": "MT-BKD with \N{GREEK SMALL LETTER LAMDA} tuned",
    "tip_entropy_sharp": "MT-BKD by entropy with \N{GREEK SMALL LETTER LAMDA} tuned",
    "ebkd": "EBKD",
    "camkd": "CA-MKD",
    "aekd": "AEKD",
}
REGIMES = {
    "clusters": "specialists by cluster",
    "features": "specialists by columns",
    "generalists": "generalists",
}
LITERATURE = ("ebkd", "camkd", "aekd")
TEACHERLESS = (CONTROL, "uniform")
TABLES = ("comparisons", "overall", "ranks")


def statistics(scores: Frame, sizes: Frame, groups: Collection[str]) -> dict[str, Frame]:
    """The tables ``TABLES``, of the tables scores and sizes of ``part`` and the names of the groups in order."""
    placed = ranks(scores)
    chosen_on, _ = groups_of(groups, set(scores["group"]))
    students = dict.fromkeys(scores.loc[scores["kind"] == "student", "method"])
    per_table = comparisons(scores, claims(students, champion(placed, chosen_on)), overlaps(sizes))
    return {"comparisons": per_table, "overall": overall(per_table), "ranks": placed}


def claims(methods: Collection[str], best: str | None) -> list[Claim]:
    """The comparisons of ``methods`` that are made.

    The variant of tip that was chosen on other tables is a family of its own with the sharpened mean, so that Holm's correction
    does not count variants that are not claimed: of nine tables one or two may disagree and a difference be decided all the
    same.
    """
    claim = [(best, LABELS), (best, SHARPENED), (best, CONTROL), (SHARPENED, LABELS)]
    tips = [method for method in methods if method.startswith(TIP)]
    families = {
        "claim": claim,
        "students": [(method, LABELS) for method in methods if method not in (LABELS, *LITERATURE)],
        "literature": [(method, LABELS) for method in LITERATURE],
        "variants": [(method, SHARPENED) for method in tips],
    }
    found: dict[tuple[str | None, str], Claim] = {}
    for family, pairs in families.items():
        for method, reference in pairs:
            if method in methods and reference in methods:
                found.setdefault((method, reference), Claim(family, method, reference))
    return list(found.values())


def title(method: str) -> str:
    """A method as a reader knows it."""
    return TITLES.get(method, method.replace("_", " "))


def regime_title(regime: str) -> str:
    """A regime of teachers in words."""
    return REGIMES.get(regime, regime.replace("_", " "))


def at_labels(level: str) -> str:
    """``60 labels``, ``all labels``."""
    return f"{level} labels"


def groups_of(groups: Collection[str], known: Collection[str]) -> tuple[str, list[str]]:
    """The first of ``groups``, on which defaults were chosen, and those that are reported; the same where there is only one.

    ``known``: the groups that have scores.
    """
    names = [name for name in groups if name in known] or sorted(known)
    return (names[0], names[1:] or names) if names else ("", [])


def champion(placed: Frame, group: str) -> str | None:
    """The variant of tip with the lowest mean rank by NLL over all cells of ``group``; None without tip."""
    own = placed[(placed["metric"] == "nll") & placed["method"].str.startswith(TIP)]
    own = own[own["group"] == group] if (own["group"] == group).any() else own
    means = own.groupby("method", sort=False)["rank"].mean()
    return None if means.empty else str(means.idxmin())


def few(levels: Sequence[str]) -> str:
    """The level nearest to ``FEW`` labels, on a log scale; all labels where there is no other."""
    counted = [level for level in levels if level != ALL]
    return min(counted, key=lambda level: max(int(level) / FEW, FEW / int(level)), default=ALL)


def gain(row: Mapping[str, Any]) -> tuple[float, float, float]:
    """The difference of a row of ``comparisons`` or ``overall``, positive is better, with the ends of its interval."""
    sign = 1 if row["higher_is_better"] else -1
    low, high = sorted((sign * row["low"], sign * row["high"]))
    return sign * row["difference"], low, high


def select(frame: Frame, **where: Any) -> Frame:
    """Rows of ``frame`` whose columns have these values."""
    for name, value in where.items():
        frame = frame[frame[name] == value]
    return frame
