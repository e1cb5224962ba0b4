"""Which settings that a paper does not print come nearest to the numbers that it prints?

Table ``candidates``: one row a printed number of every candidate; columns: ``COLUMNS`` and ``STUDENT_COLUMNS`` of
``mtbkd.questions.search.candidates``.
"""

from mtbkd.base.frames import Frame
from mtbkd.base.lazy import pd
from mtbkd.questions.inputs import Inputs
from mtbkd.questions.search.candidates import COLUMNS, STUDENT_COLUMNS, search
from mtbkd.questions.search.spec import Settings as Settings
from mtbkd.questions.search.spec import Spec as Spec

NEEDS = frozenset({"dataset"})  # its settings alone: candidates draw data of their own
READS = frozenset({"experiment"})
TABLES = ("candidates",)


def run(inputs: Inputs, settings: Spec) -> dict[str, Frame]:
    """Try every candidate."""
    columns = COLUMNS if settings.students is None else STUDENT_COLUMNS
    return {"candidates": pd.DataFrame(search(settings), columns=list(columns))}
