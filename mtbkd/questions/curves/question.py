"""When does distillation pay? Methods at growing numbers of labels, with teachers of several qualities.

One job a set of teachers, method and block of replicates, and one a block for teachers and ceiling beside them. Tables:
``scores`` and ``tuning``, as ``mtbkd.questions.curves.tables.COLUMNS`` names their columns; ``summary``: mean and interval of
every score over replicates, with the paired ``differences`` to labels alone; ``crossings``: until how many labels a student is
ahead (both: ``mtbkd.questions.curves.crossing``).
"""

from mtbkd.base.frames import Frame
from mtbkd.questions.curves.crossing import crossings, differences, summary
from mtbkd.questions.curves.spec import Joined as Spec
from mtbkd.questions.curves.spec import Settings as Settings
from mtbkd.questions.inputs import Inputs
from mtbkd.study.questions import Step

__all__ = ["NEEDS", "READS", "STEPS", "TABLES", "Settings", "Spec", "run"]
NEEDS = frozenset({"dataset", "student"})
READS = frozenset({"experiment", "replicates", "posterior", "training"})
STEPS = {
    "fits": Step("mtbkd.questions.curves.fitting", ("scores", "tuning"), frozenset({"dataset"}), by_block=True),
    "references": Step(
        "mtbkd.questions.curves.references", ("scores",), frozenset({"dataset"}), by_block=True, gpu=False
    ),
}  # fmt: skip
TABLES = ("scores", "tuning", "summary", "crossings")


def run(inputs: Inputs, settings: Spec) -> dict[str, Frame]:
    """All parts together, and who is ahead at how many labels."""
    import pandas as pd

    scores = pd.concat([inputs.gathered(step, "scores") for step in STEPS], ignore_index=True)
    differing = differences(scores, settings.controls)
    return {
        "scores": scores,
        "tuning": inputs.gathered("fits", "tuning"),
        "summary": summary(scores).merge(differing, "left"),
        "crossings": crossings(scores, differing),
    }
