"""Every part that can be named in config.yaml and every figure: name -> module, a line each; questions are found as folders.

A registered module holds ``Settings`` (its hyper-parameters with bounds and defaults) and the functions of its kind; see
workflow/README.md for the contracts. Conformance tests pick up each line by themselves.
"""

import importlib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from mtbkd.base.errors import ConfigError, nearest

DATASETS = {
    "sim1": "mtbkd.data.datasets.sim1",
    "sim2": "mtbkd.data.datasets.sim2",
    "bkd": "mtbkd.data.datasets.bkd",
    "digits": "mtbkd.data.datasets.digits",
    "protein": "mtbkd.data.datasets.protein",
    "deeploc": "mtbkd.data.datasets.deeploc",
    "table": "mtbkd.data.datasets.table",
    "mlbench": "mtbkd.data.datasets.mlbench",
    "scikit": "mtbkd.data.datasets.scikit",
    "mnist": "mtbkd.data.datasets.mnist",
    "fashion_mnist": "mtbkd.data.datasets.fashion_mnist",
    "cifar10": "mtbkd.data.datasets.cifar10",
    "cifar100": "mtbkd.data.datasets.cifar100",
    "svhn": "mtbkd.data.datasets.svhn",
    "usps": "mtbkd.data.datasets.usps",
    "digit_domains": "mtbkd.data.datasets.digit_domains",
    "digit_five": "mtbkd.data.datasets.digit_five",
}
ENCODERS = {
    "descriptors": "mtbkd.data.encoders.descriptors",
    "cnn": "mtbkd.data.encoders.cnn",
    "unirep64": "mtbkd.data.encoders.unirep64",
    "esm2_8m": "mtbkd.data.encoders.esm2_8m",
}
TEACHERS = {
    "mlp": "mtbkd.teachers.mlp",
    "cnn": "mtbkd.teachers.cnn",
    "released": "mtbkd.teachers.released",
    "uniform": "mtbkd.teachers.uniform",
    "resnet": "mtbkd.teachers.resnet",
    "cifar_resnet": "mtbkd.teachers.cifar_resnet",
    "sklearn": "mtbkd.teachers.sklearn_classifier",
}
STUDENTS = {
    "linear": "mtbkd.students.linear",
    "mlp": "mtbkd.students.mlp",
    "cnn": "mtbkd.students.cnn",
}
SIGNALS = {
    "none": "mtbkd.signals.none",
    "kd": "mtbkd.signals.kd",
    "kd_mean": "mtbkd.signals.kd_mean",
    "kd_hinton": "mtbkd.signals.kd_hinton",
    "tip": "mtbkd.signals.tip",
    "bkd": "mtbkd.signals.bkd",
    "power": "mtbkd.signals.power",
    "pooled": "mtbkd.signals.pooled",
}
WEIGHTS = {
    "equal": "mtbkd.pooling.equal",
    "entropy": "mtbkd.pooling.entropy",
    "inverse_entropy": "mtbkd.pooling.inverse_entropy",
    "exponential_entropy": "mtbkd.pooling.exponential_entropy",
    "inverse_square_entropy": "mtbkd.pooling.inverse_square_entropy",
    "margin": "mtbkd.pooling.margin",
    "label_confidence": "mtbkd.pooling.label_confidence",
    "validation": "mtbkd.pooling.validation",
    "stacking": "mtbkd.pooling.stacking",
    "density_ratio": "mtbkd.pooling.density_ratio",
    "product": "mtbkd.pooling.product",
}
OPERATORS = {
    "linear": "mtbkd.pooling.operators.linear",
    "logarithmic": "mtbkd.pooling.operators.logarithmic",
    "power_mean": "mtbkd.pooling.operators.power_mean",
    "median": "mtbkd.pooling.operators.median",
    "trimmed_mean": "mtbkd.pooling.operators.trimmed_mean",
    "minimax": "mtbkd.pooling.operators.minimax",
    "best_single": "mtbkd.pooling.operators.best_single",
}
INFERENCE = {
    "map": "mtbkd.inference.map",
    "sgld": "mtbkd.inference.sgld",
    "sghmc": "mtbkd.inference.sghmc",
    "psgld": "mtbkd.inference.psgld",
    "csgld": "mtbkd.inference.csgld",
    "vi": "mtbkd.inference.vi",
    "dropout": "mtbkd.inference.dropout",
    "nuts": "mtbkd.inference.nuts",
    "advi": "mtbkd.inference.advi",
    "laplace": "mtbkd.inference.laplace",
    "ensemble": "mtbkd.inference.ensemble",
    "hmc": "mtbkd.inference.hmc",
    "hmc_laplace": "mtbkd.inference.hmc_laplace",
    "smc": "mtbkd.inference.smc",
}
PACKAGE = Path(__file__).parents[1]


def _found(pattern: str, name: Callable[[Path], str]) -> dict[str, str]:
    """Name -> module of the files of mtbkd/questions that match; nothing is imported."""
    paths = sorted((PACKAGE / "questions").glob(pattern))
    return {name(path): ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts) for path in paths}


# Every folder of mtbkd/questions with a module `question` is a kind.
QUESTIONS = _found("*/question.py", lambda path: path.parent.name)
KINDS = {
    "dataset": DATASETS,
    "encoder": ENCODERS,
    "teacher": TEACHERS,
    "student": STUDENTS,
    "signal": SIGNALS,
    "weights": WEIGHTS,
    "operator": OPERATORS,
    "inference": INFERENCE,
    "question": QUESTIONS,
}

# Every figure: those of experiments and studies in the order of the report, those of questions by their files.
FIGURES = {
    "metrics": "mtbkd.report.figures.metrics",
    "planes": "mtbkd.report.figures.planes",
    "weights_plane": "mtbkd.report.figures.weights_plane",
    "coverage_levels": "mtbkd.report.figures.coverage_levels",
    "coverage": "mtbkd.report.figures.coverage",
    "coverage_size": "mtbkd.report.figures.coverage_size",
    "reliability": "mtbkd.report.figures.reliability",
    "maps": "mtbkd.report.figures.maps",
    "boxes": "mtbkd.report.figures.boxes",
    "extremes": "mtbkd.report.figures.extremes",
    "rank": "mtbkd.report.figures.rank",
    "ess": "mtbkd.report.figures.ess",
    "forest": "mtbkd.report.figures.forest",
    "lambda_curve": "mtbkd.report.figures.lambda_curve",
    "quality_methods": "mtbkd.report.figures.quality_methods",
} | _found("*/figure_*.py", lambda path: path.stem.removeprefix("figure_"))


def module_name(kind: str, name: str) -> str:
    """The dotted module of the part ``name`` of ``kind``; ConfigError with the legal names otherwise."""
    parts = KINDS[kind]
    if name not in parts:
        hint = nearest(name, parts)
        raise ConfigError(f"{kind}: found '{name}'; allowed: {', '.join(sorted(parts))}." + (f" Hint: {hint}" if hint else ""))
    return parts[name]


def part(kind: str, name: str) -> ModuleType:
    """Import and return the part ``name`` of ``kind``."""
    return importlib.import_module(module_name(kind, name))


def kind_of(figure: str) -> str:
    """The kind of question in whose folder a figure lies, "" for others."""
    _, room, folder, *_ = FIGURES[figure].split(".")
    return folder if room == "questions" else ""


def companion_name(kind: str, name: str) -> str | None:
    """The dotted module ``name`` in the folder of a kind of question, e.g. ``section``; None where there is none."""
    return f"mtbkd.questions.{kind}.{name}" if (PACKAGE / "questions" / kind / f"{name}.py").is_file() else None


def companion(kind: str, name: str) -> ModuleType | None:
    """Import and return what ``companion_name`` names."""
    module = companion_name(kind, name)
    return importlib.import_module(module) if module else None


def section(kind: str) -> ModuleType:
    """Import and return the section of the page on questions of ``kind``."""
    return importlib.import_module(f"mtbkd.questions.{kind}.section")


def figure(name: str) -> ModuleType:
    """Import and return the figure ``name``."""
    return importlib.import_module(FIGURES[name])
