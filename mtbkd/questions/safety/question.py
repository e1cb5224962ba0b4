"""Safety-constrained distillation: the mean probability of a class set held below a limit, and the price of it.

The set's mean probability over all training inputs is held below each limit by an augmented Lagrangian (``augmented``).
"""

from typing import Any

from mtbkd.base.blocks import block_range
from mtbkd.base.device import resolve_device
from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.evaluation.compare import judged, paired
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.safety.spec import Settings

__all__ = ["NEEDS", "TABLES", "Settings", "run"]
NEEDS = frozenset({"dataset", "teachers", "student"})
TABLES = ("students", "teachers", "prices")


def run(inputs: Inputs, settings: Settings) -> "dict[str, pd.DataFrame]":
    """Tables of all replicates:

    ``students``: origin of the limit (none, stated, safest teacher), limit, multiplier, mean mass on the set in training and
    test examples, objective an example, the Karush-Kuhn-Tucker residuals, NLL and accuracy on the test examples.
    ``teachers``: mean mass of each teacher on the set.
    ``prices``: origin, limit (mean over replicates), metric, the fields of ``evaluation.compare.Paired`` of the limited student
    minus the one without limit, p_holm over the limits and the verdict.
    """
    from mtbkd.inference import Context
    from mtbkd.questions.safety.price import Block, limited_students

    students, teachers = [], []
    device = resolve_device(inputs.device)
    for name in inputs.blocks:
        dataset = inputs.dataset(name)
        student = inputs.build_student(dataset.x.shape[2:], dataset.num_classes)
        context = Context(inputs.seed, tuple(block_range(name)), inputs.training, device)
        found = limited_students(Block(dataset, inputs.teachers(name), student, context), settings, inputs.posterior)
        students += found[0]
        teachers += found[1]
    frame = pd.DataFrame(students)
    return {"students": frame, "teachers": pd.DataFrame(teachers), "prices": prices(frame)}


def prices(students: Frame) -> Frame:
    """Every limit against no limit, paired by replicate."""
    from mtbkd.questions.safety.price import FREE, SAFEST

    stated = students["limit"].where(students["origin"] != SAFEST, -1.0)  # the safest teacher's differs between replicates
    keyed, rows = students.assign(key=stated), []
    for metric in ("nll", "accuracy", "mass_test"):
        values = keyed.pivot(index="replicate", columns=["origin", "key"], values=metric)
        free = values[FREE].iloc[:, 0]
        limited: list[Any] = [column for column in values.columns if column[0] != FREE]
        tested = [paired((values[column] - free).to_numpy()) for column in limited]
        for (origin, key), each in zip(limited, judged(tested, higher_is_better=metric == "accuracy"), strict=True):
            limit = keyed.loc[(keyed["origin"] == origin) & (keyed["key"] == key), "limit"].mean()
            rows.append({"origin": origin, "limit": limit, "metric": metric, **each})
    return pd.DataFrame(rows)
