"""What the report says of real tables: when teachers pay, which way of joining them, and what remains open."""

from collections.abc import Mapping, Sequence
from typing import Any

from mtbkd.base.frames import Frame
from mtbkd.evaluation.compare import MIN_FOR_TEST, POWER
from mtbkd.evaluation.equivalence import DECIDED, ROPE
from mtbkd.evaluation.over_tables import levels_of
from mtbkd.evaluation.verdict import ALPHA
from mtbkd.questions.tables.section_cards import cards_of
from mtbkd.questions.tables.section_parts import edges_told, sizes_table, teachers_table, tuning_table
from mtbkd.questions.tables.section_posteriors import posteriors_table, posteriors_told
from mtbkd.questions.tables.section_ranks import (
    METRICS,
    View,
    edge_table,
    gain_text,
    gains_table,
    others_table,
    outcome,
    ranks_table,
    scores_table,
    uncertainty_table,
)
from mtbkd.questions.tables.section_strengths import strengths_table, strengths_told
from mtbkd.questions.tables.students import student
from mtbkd.questions.tables.verdicts import CONTROL, LABELS, SHARPENED, at_labels, gain, regime_title, select, title
from mtbkd.report.numbers import count, listed, show
from mtbkd.report.questions import Section
from mtbkd.report.titles import Student

TITLE = "When do teachers help on real tables?"
EXPLAINED = f"""\
Each teacher is trained on rows of a real table that no student sees: specialists know one cluster of the rows or some of the
columns, generalists know all. Students see few labels, many unlabelled rows and the teachers' predictions. All their settings
are tuned within those labels, one after another, by the loss on held-out folds. Within a table, differences are paired over
random splits, with the corrected resampled t-test of Nadeau and Bengio (2003), because splits share rows. Across tables, each
table is one number, its mean: Student's interval and Wilcoxon's test over tables, with Holm's correction over the prespecified
comparisons of one family; Friedman's test and Nemenyi's critical difference for all students together; and a Bayesian
signed-rank test (Benavoli et al. 2017) that can conclude "equivalent": differences below {ROPE["accuracy"]:g} in accuracy or
{ROPE["nll"]:g} nats of NLL count as none, and a posterior probability above {DECIDED:g} decides. "Better" and "worse" require
that the interval excludes zero and that the corrected p is below {ALPHA:g}. A gain is positive if a student is better.
"""
UNITS = {"nll": "nats", "accuracy": "of accuracy"}
OUTCOMES = ("better", "worse", "equivalent", "open")
NO_TIP = "No student with the mixture prior was scored."


def section(name: str, tables: Mapping[str, Frame], settings: Mapping[str, Any]) -> Section:
    """The answer first; gains, the edge over the sharpened mean and scores on the reported tables; all else folded away."""
    view = View.of(name, tables, settings)
    groups = list(view.reported)
    others = [view.chosen_on] if view.chosen_on not in groups else []
    headlines = [_answer(view, group) for group in groups] if view.best else []
    told = [sentence for group in groups for sentence in _told(view, group)]
    told += [posteriors_told(view), _apart(view, others), _missing(view, settings)]
    told += [*strengths_told(view), edges_told(view, view.shown)]
    shown = [build(view, g) for g in groups for build in (_gains_nll, edge_table, scores_table, uncertainty_table)]
    shown += [posteriors_table(view), strengths_table(view)]
    details = [build(view, g) for g in groups for build in (_gains_accuracy, others_table, ranks_table)]
    details += [
        build(view, g) for g in others for build in (_gains_nll, _gains_accuracy, edge_table, scores_table, ranks_table)
    ]
    details += [tuning_table(view), teachers_table(view), sizes_table(view)]
    shown, details = ([table for table in own if table.rows] for own in (shown, details))
    return Section([each for each in told if each], shown, details, headlines, cards=cards_of(view), lead="gain_by_labels")


def students(tables: Mapping[str, Frame]) -> dict[str, Student]:
    """For the page's filter: every student, under its title here."""
    return {str(method): student(str(method)) for method in dict.fromkeys(tables["tuning"]["method"])}


def _gains_nll(view: View, group: str) -> Any:
    return gains_table(view, group, "nll")


def _gains_accuracy(view: View, group: str) -> Any:
    return gains_table(view, group, "accuracy")


def _told(view: View, group: str) -> list[str]:
    """All sentences on one group of tables, the answer first."""
    if view.best is None:
        return [NO_TIP, _joining(view, group)]
    edge = f"Advantage of {title(view.best)} over {title(SHARPENED)}, tables {group}"
    control = f"Compared with {title(CONTROL)}, which uses the same unlabelled rows but no teacher"
    return [
        _answer(view, group),
        _sizes(view, group),
        _joining(view, group),
        _against(view, group, SHARPENED, edge),
        _against(view, group, CONTROL, control),
        _detectable(view, group),
    ]


def _answer(view: View, group: str) -> str:
    """When teachers pay, by how much, where not, which rule ranks best, and whether its edge is decided: one sentence."""
    nll = select(view.found, group=group, metric="nll", reference=LABELS, method=view.best)
    if nll.empty:
        return f"On tables {group} no student was compared with {title(LABELS)}."
    tables = view.scores[view.scores["group"] == group]["table"].nunique()
    kept = "" if group == view.chosen_on else ", which were not used to choose defaults,"
    better, worse = (nll[nll["verdict"] == word] for word in ("better", "worse"))
    pays = f"helps {_where(better)}, by {_range(better)} nats of NLL" if len(better) else "is nowhere shown to help, by NLL"
    told = f"On {count(tables, 'table')} {group}{kept} distillation by {title(view.best or '')} {pays} over {title(LABELS)}"
    told += f"; it harms {_where(worse)}" if len(worse) else ""
    undecided = len(nll) - len(better) - len(worse)
    told += (
        f"; {count(undecided, 'setting')} of teachers and labels of {len(nll)} {'is' if undecided == 1 else 'are'} inconclusive"
    )
    practical = nll["practical"].tolist()
    bayes = [f"{word} in {practical.count(word)}" for word in ("better", "equivalent", "worse") if word in practical]
    told += f"; by the Bayesian signed-rank test it is {listed(bayes)} of {len(nll)}" if bayes else ""
    edge = select(view.found, group=group, metric="nll", reference=SHARPENED, method=view.best)
    if len(edge):
        words = [outcome(row).partition(",")[0] for row in edge.to_dict("records")]
        counted = [f"{word} in {words.count(word)}" for word in OUTCOMES if word in words]
        told += f". Of {len(edge)} compared with {title(SHARPENED)}, it is {'; '.join(counted)}"
    return f"{told}."


def _where(rows: Frame) -> str:
    """``at 20 and 60 labels with generalists``."""
    levels = {r: f"at {listed(levels_of(select(rows, regime=r)))} labels" for r in dict.fromkeys(rows["regime"])}
    shared = {words: [regime_title(r) for r in levels if levels[r] == words] for words in levels.values()}
    return ", ".join(f"{words} with {listed(regimes)}" for words, regimes in shared.items())


def _range(rows: Frame) -> str:
    """``0.1 to 0.4``, the smallest and the largest mean gain; one number where there is one."""
    gains = sorted(gain(row)[0] for row in rows.to_dict("records"))
    return " to ".join(show(value) for value in dict.fromkeys((gains[0], gains[-1])))


def _sizes(view: View, group: str) -> str:
    """How much the mixture prior gains over labels alone with few labels, by regime."""
    own = select(view.found, group=group, reference=LABELS, method=view.best, level=view.level)
    parts = []
    for regime in dict.fromkeys(own["regime"]):
        at = {row["metric"]: gain_text(row) for row in select(own, regime=regime).to_dict("records")}
        each = [f"{at[metric]} {unit}" for metric, unit in UNITS.items() if metric in at]
        parts.append(f"with {regime_title(regime)} {listed(each)}")
    return f"The gain with {at_labels(view.level)}, mean over tables {group}: {'; '.join(parts)}." if parts else ""


def _by_outcome(rows: Frame) -> str:
    """``better at 20 and 60 labels, open at all labels``."""
    levels: dict[str, list[str]] = {}
    by_level = {row["level"]: row for row in rows.to_dict("records")}
    for level in levels_of(rows):
        levels.setdefault(outcome(by_level[level]), []).append(level)
    return ", ".join(f"{word} at {listed(own)} labels" for word, own in levels.items())


def _by_regime(told: Mapping[str, str]) -> str:
    """``with A and B, this; with C, that``: regimes of which the same is told share a part."""
    shared: dict[str, list[str]] = {}
    for regime, words in told.items():
        shared.setdefault(words, []).append(regime_title(regime))
    return "; ".join(f"with {listed(regimes)}, {words}" for words, regimes in shared.items())


def _joining(view: View, group: str) -> str:
    """For each regime, who ranks best with few labels, and whom the tables tell from it."""
    own = select(view.placed, group=group, level=view.level, metric="nll")
    told = {str(regime): _ranking(rows.sort_values("rank")) for regime, rows in own.groupby("regime", sort=False)}
    if not told:
        return ""
    left = dict.fromkeys(name for names in own["left_out"] for name in names.split(", ") if name)
    note = f" Not ranked because not scored on every table: {listed(list(map(title, left)))}." if left else ""
    students = own["methods"].max()
    start = f"With {at_labels(view.level)} the best mean rank by NLL of {students} students, tables {group}"
    return f"{start}: {_by_regime(told)}.{note}"


def _ranking(rows: Frame) -> str:
    """The best student, and those that lie beyond the critical difference."""
    first, best = rows.iloc[0], title(rows.iloc[0]["method"])
    if not first["friedman_p"] < ALPHA:
        return f"that of {best}, though Friedman's test does not show that students differ"
    beaten = rows[rows["rank"] - first["rank"] > first["critical_difference"]]
    names = listed(list(map(title, beaten["method"])))
    return f"that of {best}, beyond the critical difference from {names or 'no other'}"


def _against(view: View, group: str, reference: str, start: str) -> str:
    """What the comparisons of the reported tip with ``reference`` decide, regime by regime."""
    own = select(view.found, group=group, reference=reference, method=view.best)
    told = {}
    for regime in dict.fromkeys(own["regime"]):
        each = [(METRICS[metric], select(own, regime=regime, metric=metric)) for metric in METRICS]
        told[regime] = "; ".join(f"{word} {_by_outcome(found)}" for word, found in each if len(found))
    return f"{start}: {_by_regime(told)}." if told else ""


def _apart(view: View, groups: Sequence[str]) -> str:
    """What the tables say on which defaults were chosen."""
    sentences = []
    for group in groups:
        nll = select(view.found, group=group, metric="nll", reference=LABELS, method=view.best)
        told = {regime: _by_outcome(select(nll, regime=regime)) for regime in dict.fromkeys(nll["regime"])}
        if told:
            start = f"On tables {group}, used to choose defaults and this variant of the prior, NLL vs {title(LABELS)}"
            sentences.append(f"{start}: {_by_regime(told)}.")
            sentences.append(_undecidable(nll))
    return " ".join(filter(None, sentences))


def _detectable(view: View, group: str) -> str:
    """What difference so many splits and tables would find, with few labels; or that they cannot decide any."""
    where = {"group": group, "level": view.level, "metric": "nll", "reference": LABELS, "method": view.best}
    over, each = select(view.found, **where), select(view.per_table, **where)
    if over.empty or (told := _undecidable(over)):
        return "" if over.empty else told
    return (
        f"With {at_labels(view.level)}, the splits of one table detect a difference in NLL of "
        f"{show(each['detectable'].median())} nats (median over tables, power {POWER:g}). All tables together detect "
        f"{show(over['detectable'].median())} nats."
    )


def _undecidable(rows: Frame) -> str:
    """A warning where so few tables cannot decide anything, however large the gains."""
    n = rows["n"].max()
    few_tables = n < MIN_FOR_TEST or rows["note"].str.contains("cannot fall").all()
    return f"With so few tables ({n:.0f}) no comparison can be significant: see the intervals." if few_tables else ""


def _missing(view: View, settings: Mapping[str, Any]) -> str:
    """Tables that were asked for and have no scores."""
    known = set(view.scores["table"])
    lost = [table for tables in settings["groups"].values() for table in tables if table not in known]
    return f"Without scores, and therefore not included: {listed(lost)}." if lost else ""
