"""Do the algorithms recover posteriors that are known exactly? One job a method, without data of the study.

Tables: ``cases`` (a quantity of a case), ``sbc`` and ``ranks`` (simulation-based calibration), as
``mtbkd.questions.exact.judging.COLUMNS`` names their columns, and ``published`` (quantity, column, replicate, value: the closed
form of the conjugate student beside its paper).
"""

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.questions.exact.published import compare
from mtbkd.questions.exact.spec import Settings as Settings
from mtbkd.questions.inputs import Inputs
from mtbkd.study.questions import Step

NEEDS: frozenset[str] = frozenset()
READS = frozenset({"training"})
STEPS = {"methods": Step("mtbkd.questions.exact.judging", ("cases", "sbc", "ranks"), gpu=False)}
TABLES = (*STEPS["methods"].tables, "published")


def run(inputs: Inputs, settings: Settings) -> dict[str, Frame]:
    """The verdicts on all methods, and the conjugate student beside what its paper prints."""
    found = {table: inputs.gathered("methods", table) for table in STEPS["methods"].tables}
    return found | {"published": pd.DataFrame(compare(settings.conjugate, inputs.seed))}
