"""A study resolved into what the workflow needs: which data, teachers and fits, under which keys, in which blocks.

A key and a fit's specification hold what the result depends on and nothing else, so that adding a method, dataset or
study leaves every other one as it is.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mtbkd.base import registry
from mtbkd.base.blocks import block_names
from mtbkd.base.errors import ConfigError
from mtbkd.base.explain import Mistake, choice
from mtbkd.base.settings import dump, merged, settings_of
from mtbkd.contracts.artefacts import digest
from mtbkd.data.datasets import redrawn
from mtbkd.data.published.tables import columns_of
from mtbkd.inference.fitting import Spec
from mtbkd.inference.tuning import ALWAYS_USED, UNUSED, read_settings
from mtbkd.study.asked.analyses import Analysis
from mtbkd.study.asked.curves import Curve
from mtbkd.study.asked.exact import Spec as ExactSpec
from mtbkd.study.extent import remarks
from mtbkd.study.planned import DataPlan, ExperimentPlan, TeacherPlan
from mtbkd.study.planning.analyses import AnalysisPlan, make_analysis
from mtbkd.study.planning.curves import CurvePlan, make_curve
from mtbkd.study.planning.search import make_searches

if TYPE_CHECKING:
    from mtbkd.study.models import Config, Experiment, MethodEntry, Study

LAST_LAYER = "the posterior of the last layer alone, given the features of a MAP fit"


@dataclass(frozen=True)
class Plan:
    """A study, resolved.

    Attributes:
        study, description, seed, device: as in config.yaml.
        levels: credible levels.
        experiments: by name.
        exact: method -> content of its ``mtbkd.study.asked.exact.Spec``; {} where nothing is judged against exact answers.
        searches: <subject>_search/<name> -> content of its ``mtbkd.study.asked.search.Spec``; {} where nothing is searched.
        curves: label-count curves by name.
        analyses: by name.
        remarks: what the replicates cannot decide, a line each.
    """

    study: str
    description: str
    seed: int
    device: str
    levels: tuple[float, ...]
    experiments: dict[str, ExperimentPlan]
    exact: dict[str, dict[str, Any]]
    searches: dict[str, dict[str, Any]]
    curves: dict[str, CurvePlan]
    analyses: dict[str, AnalysisPlan]
    remarks: tuple[str, ...]

    @property
    def datasets(self) -> dict[str, DataPlan]:
        """Key -> dataset, over all experiments, curves and analyses."""
        own = [a.data for a in self.analyses.values() if a.data is not None]
        return {data.key: data for data in [*(e.data for e in (*self.experiments.values(), *self.curves.values())), *own]}

    @property
    def teachers(self) -> dict[str, TeacherPlan]:
        """Key -> teacher, over all experiments, curves and analyses."""
        sets = [e.teachers for e in (*self.experiments.values(), *self.analyses.values())]
        sets += [own for c in self.curves.values() for own in c.teachers.values()]
        return {t.key: t for teachers in sets for t in teachers}

    @property
    def raw(self) -> tuple[str, ...]:
        """Keys of all raw files that the study needs, each once."""
        parts = (*self.datasets.values(), *self.teachers.values())
        keys = [key for part in parts for key in part.raw]
        keys += [key for analysis in self.analyses.values() for key in analysis.all_raw]
        return tuple(dict.fromkeys(keys))


def make_plan(config: "Config", study: str | None = None) -> Plan:
    """Resolve ``study``, by default the chosen one, of a checked ``config``; ConfigError where there is no such study."""
    study = config.study if study is None else study
    if study not in config.studies:
        raise ConfigError(str(Mistake(("study",), choice(study, config.studies))))
    chosen = config.studies[study]
    experiments = {name: _experiment(config, chosen, name, e) for name, e in chosen.experiments.items()}
    return Plan(
        study=study,
        description=chosen.description,
        seed=config.seed,
        device=config.device,
        levels=chosen.levels,
        experiments=experiments,
        exact=_exact(config, chosen),
        searches=make_searches(config, chosen, _data, _teacher, _fit_spec),
        curves={name: _curve(config, chosen, name, asked) for name, asked in chosen.curves.items()},
        analyses={name: _analysis(config, chosen, name, asked) for name, asked in chosen.analyses.items()},
        remarks=remarks(experiments.values()),
    )


def _experiment(config: "Config", study: "Study", name: str, experiment: "Experiment") -> ExperimentPlan:
    data = _data(config, experiment.dataset)
    replicates = experiment.replicates or study.replicates
    methods = {method: _fit_spec(config, study, experiment, method) for method in experiment.methods}
    printed = columns_of(experiment.published) if experiment.published else None
    columns = {
        method: tuple(c for c in config.methods[method].published if printed is None or c in printed)
        for method in experiment.methods
    }
    return ExperimentPlan(
        name=name,
        data=data,
        teachers=tuple(_teacher(config, teacher, data) for teacher in experiment.teachers),
        student=experiment.student,
        replicates=replicates,
        blocks=block_names(replicates, study.block_size),
        methods=methods,
        published=experiment.published,
        columns={method: named for method, named in columns.items() if named},
        notes={method: note for method in experiment.methods if (note := _note(config.methods[method]))},
    )


def _note(method: "MethodEntry") -> str:
    """What the page says of a method beside its name."""
    return "; ".join(filter(None, ("" if method.layers == "all" else LAST_LAYER, method.note)))


def _exact(config: "Config", study: "Study") -> dict[str, dict[str, Any]]:
    """What the judging of each method depends on: its inference and the optimiser, nothing of a posterior."""
    if study.exact is None:
        return {}
    asked = study.exact

    def spec(name: str) -> dict[str, Any]:
        method = config.methods[name]
        content = {
            "method": name,
            "inference": method.inference,
            "settings": dump(settings_of("inference", method.inference, method.settings)),
            "training": dump(merged(config.training, study.training)),
            "sbc_datasets": asked.sbc_datasets,
            "conjugate": dump(asked.conjugate),
            "seed": config.seed,
        }
        return dump(ExactSpec.model_validate(content))

    return {name: spec(name) for name in asked.methods}


def _curve(config: "Config", study: "Study", name: str, asked: Curve) -> CurvePlan:
    data = _data(config, asked.dataset)
    blocks = block_names(asked.replicates or study.replicates, study.block_size)
    teachers = {title: tuple(_teacher(config, t, data) for t in names) for title, names in asked.teachers.items()}
    fits = {method: _fit_spec(config, study, asked, method) for method in asked.methods}
    return make_curve(name, asked, data, blocks, teachers, fits)


def _analysis(config: "Config", study: "Study", name: str, asked: Analysis) -> AnalysisPlan:
    of = study.experiments[asked.experiment] if asked.experiment else None
    dataset, teachers, student = (getattr(of or asked, key) for key in ("dataset", "teachers", "student"))
    data = _data(config, dataset) if dataset else None
    resolved = tuple(_teacher(config, teacher, data) for teacher in teachers) if data else ()
    return make_analysis(config, study, name, asked, data, resolved, config.students[student] if student else None)


def _data(config: "Config", name: str) -> DataPlan:
    entry = config.datasets[name]
    module = registry.part("dataset", entry.kind)
    typed = settings_of("dataset", entry.kind, entry.settings)
    settings = dump(typed)
    raw = module.raw_files(typed) if hasattr(module, "raw_files") else module.RAW
    key = digest({"kind": entry.kind, "settings": settings, "seed": config.seed})
    simulated, anew = module.SIMULATED, redrawn(module)
    return DataPlan(name, entry.kind, settings, config.seed, simulated, anew, tuple(raw), f"{name}-{key}")


def _teacher(config: "Config", name: str, data: DataPlan) -> TeacherPlan:
    entry = config.teachers[name]
    typed = settings_of("teacher", entry.family, entry.settings)
    settings, raw = dump(typed), tuple(registry.part("teacher", entry.family).raw_files(typed))
    basis = {"family": entry.family, "domain": entry.domain, "settings": settings, "data_key": data.key}
    key = f"{name}-{digest({**basis, 'seed': config.seed})}"
    return TeacherPlan(name, entry.family, entry.domain, settings, config.seed, raw, data.key, key)


def _fit_spec(config: "Config", study: "Study", experiment: "Experiment | Curve", name: str) -> dict[str, Any]:
    method, student = config.methods[name], config.students[experiment.student]
    tuned = config.methods[method.tuned_by] if method.tuned_by else None
    posterior = dump(merged(config.posterior, study.posterior, experiment.posterior, method.posterior))
    # What the signal does not use must not enter: a new grid for lambda leaves labels-only fits as they are.
    uses = registry.part("signal", method.signal).USES
    read = read_settings(posterior, uses)

    def part(kind: str, name: str, settings: dict[str, Any], name_key: str = "name") -> dict[str, Any]:
        return {name_key: name, "settings": dump(settings_of(kind, name, settings))}

    content = {
        "method": name,
        "dataset": experiment.dataset,
        "student": part("student", student.architecture, student.settings, "architecture"),
        "signal": part("signal", method.signal, method.signal_settings),
        "weights": method.weights,
        "inference": part("inference", method.inference, method.settings),
        "tuned_by": tuned and part("inference", tuned.inference, tuned.settings),
        "layers": method.layers,
        "stack_chains": method.stack_chains,
        "posterior": {key: grid if key in uses | ALWAYS_USED else UNUSED for key, grid in read.items()},
        "training": dump(merged(config.training, study.training, experiment.training)),
        "output": dump(merged(config.output, study.output)),
        "seed": config.seed,
        "device": config.device,
    }
    return dump(Spec.model_validate(content))
