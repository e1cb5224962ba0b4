"""How often two teachers name different classes of the test examples, and how often at least one of them is right."""

from itertools import combinations

from pydantic import BaseModel, ConfigDict

from mtbkd.base.lazy import pd
from mtbkd.questions.inputs import Inputs

NEEDS = frozenset({"dataset", "teachers"})
TABLES = ("pairs",)


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """``pairs``: first, second (teachers), differ (share of test examples), either (share where one is right), n."""
    dataset, teachers = inputs.dataset(), inputs.teachers()
    test = dataset.rows("test")
    y, named = dataset.y[0, test], {each.teacher: each.logits[0, test].argmax(-1) for each in teachers}
    rows = [
        {
            "first": a,
            "second": b,
            "differ": float((named[a] != named[b]).mean()),
            "either": float(((named[a] == y) | (named[b] == y)).mean()),
            "n": len(y),
        }
        for a, b in combinations(named, 2)
    ]
    return {"pairs": pd.DataFrame(rows)}
