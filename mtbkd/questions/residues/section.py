"""What the report says of teachers that predict the next residue together."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.intervals import interval
from mtbkd.report.numbers import MINUS, count, listed
from mtbkd.report.questions import Section
from mtbkd.report.table import Cell, Column, Row, Table, text

TITLE = "Weights that vary along a sequence"
EXPLAINED = """\
Three small models of protein sequences, each trained on one kingdom, predict the next residue jointly, and a smaller student
is distilled from their pool. Weights are set at every residue from its prediction (token), from the kingdom (task), from the
residues so far (context), or from all three. Bits per residue measure the prediction of the next residue: fewer are better.
"""
KINGDOMS = ("Fungi", "Metazoa", "Viridiplantae")
SAME, SHIFTED, ALONE = "training mix", "shifted mix", "no teachers"
REFERENCE = "equal, linear"
THOUSAND = 1000  # differences are told in thousandths of a bit


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer; bits of pools and students, safety; weights, single teachers and chosen settings folded away."""
    bits, comparisons, safety = tables["bits"], tables["comparisons"], tables["safety"]
    told = [
        _origin(bits, settings), *_pool_sentences(comparisons), *_student_sentences(comparisons),
        *_safety_sentences(safety, settings),
    ]  # fmt: skip
    shown = [
        _bits_table(name, "pool", bits, comparisons, {REFERENCE: "equal, linear"}),
        _bits_table(name, "student", bits, comparisons, {ALONE: "no teachers", REFERENCE: "equal, linear"}),
        _safety_table(name, "pool", safety, settings),
    ]
    folded = [
        _safety_table(name, "student", safety, settings),
        _single_table(name, bits),
        _weight_table(name, tables["weights"]),
        _tuning_table(name, tables["tuning"]),
    ]
    return Section(told, shown, folded)


def _named(row: Mapping[str, Any]) -> str:
    if row["pool"] == ALONE:
        return ALONE
    return f"{row['weighting']} weights ({row['pool']} pool)"


def _thousandths(mean: float, low: float, high: float, signed: bool = True) -> tuple[str, str]:
    """Thousandths of a bit with two decimals, and their interval where it is known."""
    form = "+.2f" if signed else ".2f"
    below = f"[{low:{form}}, {high:{form}}]" if math.isfinite(low) else ""
    return f"{mean:{form}}".replace("-", MINUS), below.replace("-", MINUS)


def _difference(row: Mapping[str, Any]) -> tuple[str, str]:
    mean, low, high = (THOUSAND * float(row[key]) for key in ("difference", "low", "high"))
    return _thousandths(mean, low, high)


def _told(row: Mapping[str, Any]) -> str:
    return f"{' '.join(_difference(row)).strip()} thousandths of a bit"


def _origin(bits: Frame, settings: Mapping[str, Any]) -> str:
    anew = f"redrawn in each of {count(bits['replicate'].nunique(), 'replicate')}"
    if settings["source"] == "simulated":
        what = f"The sequences are simulated Markov chains, each kingdom with its own transition matrix, {anew}"
    else:
        what = (
            f"The sequences are proteins of DeepLoc 2.0, {anew} from separate homology partitions: teachers, "
            "student, validation and test never share one"
        )
    mixes = "; ".join(
        f"{words}, {listed([f'{100 * share:g} % {kingdom}' for share, kingdom in zip(settings[key], KINGDOMS, strict=True)])}"
        for key, words in (("train_mix", "in the students' training"), ("test_mix", "where the mix has shifted"))
    )
    return f"{what}. The mix of kingdoms: {mixes}. Intervals are over replicates, paired."


def _rows(comparisons: Frame, kind: str, domain: str, against: str) -> Frame:
    found = comparisons["kind"].eq(kind) & comparisons["domain"].eq(domain) & comparisons["against"].eq(against)
    return comparisons[found & comparisons["pool"].isin(["linear", "log"])]


def _pool_sentences(comparisons: Frame) -> list[str]:
    own = _rows(comparisons, "pool", SAME, REFERENCE)
    fair = own[own["weighting"] != "oracle"]
    best = fair.loc[fair["difference"].idxmin()]
    token = own[(own["weighting"] == "token") & (own["pool"] == "linear")].iloc[0]
    oracle = own[(own["weighting"] == "oracle") & (own["pool"] == "linear")].iloc[0]
    better = int((fair["difference"] < oracle["difference"]).sum()) + int(oracle["difference"] > 0)  # the reference, too
    beaten = (
        f"{better} of {len(fair) + 1} other pools {'is' if better == 1 else 'are'} better on average: teachers of other "
        "kingdoms also help"
        if better
        else "no other pool is better on average"
    )
    return [
        f"Among the pools, {_named(best)} predict best in the training mix: {_told(best)} compared with equal weights in the "
        f"linear pool. Token weights alone, from the teachers' entropies, change {_told(token)}.",
        f"Using only the teacher of the true kingdom changes {_told(oracle)}; {beaten}.",
    ]


def _student_sentences(comparisons: Frame) -> list[str]:
    found = []
    for domain in (SAME, SHIFTED):
        own = _rows(comparisons, "student", domain, ALONE)
        fair = own[own["weighting"] != "oracle"]
        best, worst = fair.loc[fair["difference"].idxmin()], fair.loc[fair["difference"].idxmax()]
        sure = int((own["verdict"] == "better").sum())
        found.append(
            f"In the {domain}, {sure} of {len(own)} distilled students are significantly better than the student without "
            f"teachers; the change goes from {_told(worst)} with {_named(worst)} to {_told(best)} with "
            f"{_named(best)}."
        )
    changes = {
        weighting: [
            rows[(rows["weighting"] == weighting) & (rows["pool"] == "linear")].iloc[0]
            for rows in (_rows(comparisons, "student", domain, REFERENCE) for domain in (SAME, SHIFTED))
        ]
        for weighting in ("task", "context")
    }
    told = [
        f"of {weighting} weights {_told(same)} in the training mix and {_told(shifted)} in the shifted one"
        for weighting, (same, shifted) in changes.items()
    ]
    found.append(
        f"Against equal weights (linear pool), the change is for the student {listed(told)}. Context weights depend on "
        "the residues so far, which the student also sees; task weights depend on the kingdom, which it does not know."
    )
    return found


def _safety_sentences(safety: Frame, settings: Mapping[str, Any]) -> list[str]:
    pools = safety[safety["kind"] == "pool"]
    linear, log = (pools[pools["pool"] == pool] for pool in ("linear", "log"))
    log = log[log["weighting"] != "oracle"]
    held = safety[(safety["kind"] == "student") & (safety["pool"].str.startswith("linear,"))]
    equal = linear[linear["weighting"] == "equal"]
    price = _mean(THOUSAND * equal["price_bits"])
    return [
        f"Safety, of the residue set {settings['residue_set']}: the linear pool gave it more probability than every teacher at "
        f"{_share(linear)}, as guaranteed; the logarithmic pool did at {_share(log)} (excluding oracle weights), by a factor "
        f"of up to {log['worst_ratio'].max():.2f}. Staying below the safest teacher is not guaranteed by either: imposed on "
        f"the linear pool with equal weights it costs {price} thousandths of a bit per residue.",
        f"A student distilled from this constrained pool is not bound by the constraint: it exceeded the safest teacher at "
        f"{100 * held['above_smallest'].sum() / held['positions'].sum():.1f} % of the test residues.",
    ]


def _share(rows: Frame) -> str:
    return f"{int(rows['above_largest'].sum()):,} of {int(rows['positions'].sum()):,} predictions"


def _mean(values: Frame) -> str:
    found = interval(values)
    return " ".join(_thousandths(found.mean, found.low, found.high, signed=False)).strip()


def _bit_cell(values: Frame) -> Cell:
    mean = float(values.mean())
    return Cell(f"{mean:.4f}", "", mean)


def _difference_cell(rows: Frame) -> Cell:
    if not len(rows):
        return Cell("reference")
    row = rows.iloc[0]
    return Cell(*_difference(row), float(row["difference"]))


def _bits_table(name: str, kind: str, bits: Frame, comparisons: Frame, against: Mapping[str, str]) -> Table:
    own = bits[bits["kind"] == kind]
    head = [Column("Weights"), Column("Pool"), *(Column(kingdom, True, "bits per residue", "lower") for kingdom in KINGDOMS)]
    head += [
        Column(f"{domain}, minus {words}", True, "thousandths of a bit per residue, paired 95 % interval", "lower")
        for words in against.values()
        for domain in (SAME, SHIFTED)
    ]
    lines = []
    for (weighting, pool), rows in own.groupby(["weighting", "pool"], sort=False):
        cells = [text(weighting or "none"), text(pool)]
        cells += [_bit_cell(rows.loc[rows["domain"] == kingdom, "bits"]) for kingdom in KINGDOMS]
        this = comparisons[
            (comparisons["kind"] == kind) & (comparisons["weighting"] == weighting) & (comparisons["pool"] == pool)
        ]
        cells += [
            _difference_cell(this[(this["against"] == reference) & (this["domain"] == domain)])
            for reference in against
            for domain in (SAME, SHIFTED)
        ]
        lines.append(Row(cells))
    words = "pool" if kind == "pool" else "distilled student"
    return Table(f"{name}-{kind}s", f"Bits per residue of every {words}, by kingdom of the test sequences", head, lines)


def _safety_table(name: str, kind: str, safety: Frame, settings: Mapping[str, Any]) -> Table:
    own = safety[safety["kind"] == kind]
    head = [
        Column("Weights"), Column("Pool"),
        Column("Mean probability", True, "mean probability of the set; below: its share of the test residues"),
        Column("Above every teacher", True, "residues where the set gets more than from any teacher, all replicates"),
        Column("Largest ratio", True, "of the set's probability to the largest of the teachers'"),
        Column("Above the safest", True, "share of residues where the set gets more than from the safest teacher"),
        Column("Price of the safest", True, "cost of staying below the safest teacher, thousandths of a bit per residue"),
    ]  # fmt: skip
    lines = []
    for (weighting, pool), rows in own.groupby(["weighting", "pool"], sort=False):
        total, above = int(rows["positions"].sum()), int(rows["above_largest"].sum())
        price = interval(THOUSAND * rows["price_bits"])
        lines.append(Row([
            text(weighting or "none"), text(pool),
            Cell(f"{rows['mass'].mean():.4f}", f"observed {rows['observed'].mean():.4f}", rows["mass"].mean()),
            Cell(f"{above:,}", f"of {total:,}", above),
            Cell(f"{rows['worst_ratio'].max():.2f}", "", rows["worst_ratio"].max()),
            Cell(f"{100 * rows['above_smallest'].sum() / total:.1f} %", "", rows["above_smallest"].sum() / total),
            Cell(f"{price.mean:.1f}".replace("-", MINUS), "", price.mean),
        ]))  # fmt: skip
    words = "pools" if kind == "pool" else "distilled students"
    return Table(f"{name}-safety-{kind}s", f"Probability of the residue set {settings['residue_set']}: {words}", head, lines)


def _single_table(name: str, bits: Frame) -> Table:
    own = bits[bits["kind"].isin(["teacher", "truth"])]
    lines = [
        Row([
            text("the truth" if kind == "truth" else f"teacher of {which}"),
            *(_bit_cell(rows.loc[rows["domain"] == domain, "bits"]) for domain in (*KINGDOMS, SAME, SHIFTED)),
        ])
        for (kind, which), rows in own.groupby(["kind", "weighting"], sort=False)
    ]  # fmt: skip
    head = [Column("Prediction"), *(Column(d, True, "bits per residue", "lower") for d in (*KINGDOMS, SAME, SHIFTED))]
    return Table(f"{name}-teachers", "Bits per residue of each teacher alone", head, lines)


def _weight_table(name: str, weights: Frame) -> Table:
    means = weights.groupby(["weighting", "kingdom", "teacher"], sort=False)["weight"].mean()
    head = [Column("Weights"), Column("Sequences of"), *(Column(f"Teacher of {kingdom}", True) for kingdom in KINGDOMS)]
    lines = [
        Row([text(weighting), text(kingdom), *(_weight(means[weighting, kingdom, teacher]) for teacher in KINGDOMS)])
        for weighting, kingdom in means.index.droplevel("teacher").unique()
    ]
    return Table(f"{name}-weights", "Mean weight of every teacher, by kingdom of the test sequences", head, lines)


def _weight(value: float) -> Cell:
    return Cell(f"{value:.3f}", "", value)


def _tuning_table(name: str, tuning: Frame) -> Table:
    def chosen(values: Sequence[float]) -> Cell:
        return text(", ".join(f"{value:g}" for value in values))

    lines = [
        Row([text(weighting or "none"), text(pool), chosen(rows["lambda"]), chosen(rows["prior_scale"])])
        for (weighting, pool), rows in tuning.groupby(["weighting", "pool"], sort=False)
    ]
    head = [Column("Weights"), Column("Pool"), Column("lambda", hint="weight of the teachers relative to the residues"),
            Column("prior scale", hint="standard deviation of the prior on the weights")]  # fmt: skip
    return Table(f"{name}-tuning", "Settings chosen on validation sequences, by replicate", head, lines)
