"""What are teachers worth to a student with few labels? One job a table and regime of teachers, and one that joins them.

Tables, one row each: ``scores`` (one metric of one student, teacher or reference on one split of one table), ``tuning`` (what
a student chose on one split), ``posteriors`` (scores of the sub-study on uncertainty, and whether its gates were passed),
``strengths`` (scores of ways to choose kappa),
``teachers`` (accuracy on rows of their own domain and others), ``sizes`` (of tables and splits, and what the part took); their
columns: ``mtbkd.questions.tables.part.COLUMNS``. And what they say together, see ``mtbkd.questions.tables.verdicts`` and
``mtbkd.questions.tables.uncertainty`` and ``mtbkd.questions.tables.strength_gains``.
"""

from mtbkd.base.frames import Frame
from mtbkd.evaluation.over_tables import overlaps
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.tables import strength_gains, uncertainty, verdicts
from mtbkd.questions.tables.spec import Settings as Settings
from mtbkd.study.questions import Step

NEEDS = frozenset({"student"})
READS = frozenset({"replicates", "training"})
GATHERED = ("scores", "tuning", "posteriors", "strengths", "teachers", "sizes")
STEPS = {"parts": Step("mtbkd.questions.tables.part", GATHERED, frozenset({"replicates", "student", "training"}))}
TABLES = (*GATHERED, *verdicts.TABLES, uncertainty.TABLE, strength_gains.TABLE)


def run(inputs: Inputs, settings: Settings) -> dict[str, Frame]:
    """The rows of all parts, and what they say together."""
    found = {name: inputs.gathered("parts", name) for name in GATHERED}
    overlap = overlaps(found["sizes"])
    told = {
        uncertainty.TABLE: uncertainty.uncertainty(found["posteriors"], overlap),
        strength_gains.TABLE: strength_gains.strength_gains(found["strengths"], overlap),
    }
    return found | verdicts.statistics(found["scores"], found["sizes"], tuple(settings.groups)) | told
