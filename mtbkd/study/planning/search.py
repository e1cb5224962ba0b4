"""The searches of a study, resolved: what each depends on."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from mtbkd.base.settings import dump
from mtbkd.study.asked.search import make_search

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Study
    from mtbkd.study.planned import DataPlan, TeacherPlan


def make_searches(
    config: "Config", study: "Study", data_of: "Callable[[Config, str], DataPlan]",
    teacher_of: "Callable[[Config, str, DataPlan], TeacherPlan]", fit_of: Callable[..., dict[str, Any]],
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """Content of each search's ``mtbkd.study.asked.search.Spec``, by its place below results/<study>.

    Args:
        config, study: checked.
        data_of, teacher_of, fit_of: resolve a dataset, a teacher on it, and a method of an experiment, by name.
    """
    found = {}
    for name, asked in study.teacher_search.items():
        data = data_of(config, asked.dataset)
        teachers = {column: teacher_of(config, entry, data) for column, entry in asked.teachers.items()}
        found[f"teacher_search/{name}"] = dump(make_search(name, asked, data, asked.published, teachers, config.device))
    # Apart from every replicate that the study reports.
    first = max(each.replicates or study.replicates for each in study.experiments.values())
    for name, asked in study.student_search.items():
        of = study.experiments[asked.experiment]
        data = data_of(config, of.dataset)
        teachers = {f"T{at}": teacher_of(config, entry, data) for at, entry in enumerate(of.teachers, 1)}
        fits = {column: fit_of(config, study, of, method) for column, method in asked.methods.items()}
        spec = make_search(name, asked, data, str(of.published), teachers, config.device, fits, first)
        found[f"student_search/{name}"] = dump(spec)
    return found
