"""The verdicts over tables at the head of the page: does distillation help, against what else, and who ranks best."""

from mtbkd.evaluation.verdict import ALPHA
from mtbkd.questions.tables.section_ranks import View, outcome
from mtbkd.questions.tables.verdicts import LABELS, SHARPENED, at_labels, gain, regime_title, select, title
from mtbkd.report.numbers import count, listed, show, show_interval
from mtbkd.report.verdict_card import Card


def cards_of(view: View) -> list[Card]:
    """Verdicts on the first group of tables that tests the defaults, with few labels; none without the mixture prior."""
    if view.best is None or not view.reported:
        return []
    group = view.reported[0]
    help = _against(view, group, LABELS, f"Does distillation help with {at_labels(view.level)}?")
    edge = _against(view, group, SHARPENED, f"Is it better than {title(SHARPENED)}?")
    return [card for card in (help, edge, _ranked(view, group)) if card]


def _against(view: View, group: str, reference: str, question: str) -> Card | None:
    """In how many regimes the reported prior is better than ``reference`` by NLL, with the largest gain."""
    rows = select(view.found, group=group, metric="nll", reference=reference, method=view.best, level=view.level)
    if rows.empty:
        return None
    found = rows.to_dict("records")
    told = [outcome(row).partition(",")[0] for row in found]
    words = {"better": "better", "worse": "worse", "equivalent": "equivalent", "open": "inconclusive"}
    counted = [f"{told.count(word)} {said}" for word, said in words.items() if word in told]
    better, worse = told.count("better"), told.count("worse")
    answer = "Yes" if better == len(told) else "In some settings" if better else "No, it harms" if worse else "Not shown"
    # The clearest gain, else the largest: an interval that excludes zero says more than a wide one further out.
    most = max(found, key=lambda row: (row["verdict"] == "better", gain(row)[0]))
    middle, low, high = gain(most)
    number = f"{show(middle, True)} {show_interval(low, high, True)}".strip()
    place = (
        f"NLL gained with {regime_title(most['regime'])}, over {count(int(most['n']), 'table')} {group}; "
        f"kinds of teachers: {listed(counted)}"
    )
    return Card(question, answer, f"{number} nats", place, "", str(view.best))


def _ranked(view: View, group: str) -> Card | None:
    """The student of the best mean rank over all regimes with few labels."""
    own = select(view.placed, group=group, level=view.level, metric="nll")
    if own.empty:
        return None
    mean = own.groupby("method", sort=False)["rank"].mean()
    method = str(mean.idxmin())
    first = own[own["method"] == method]
    differ = int((first["friedman_p"] < ALPHA).sum())
    shown = f"Friedman's test shows that students differ with {differ} of {count(len(first), 'kind')} of teachers"
    number = f"mean rank {show(float(mean.min()))} of {int(own['methods'].max())}"
    place = f"by NLL over tables {group}, {at_labels(view.level)}; {shown}"
    return Card("Which student ranks best?", title(method), number, place, "", method)
