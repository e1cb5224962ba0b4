"""Every part that can be named in config.yaml, every section of the page and every figure: one line each, name -> module.

A registered module holds ``Settings`` (its hyper-parameters with bounds and defaults) and the functions of its kind; see
workflow/README.md for the contracts. Conformance tests pick up each line by themselves.
"""

import importlib
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
ANALYSES = {
    "votes": "mtbkd.questions.votes.question",
    "perturbation": "mtbkd.questions.perturbation.question",
    "experts": "mtbkd.questions.experts.question",
    "baselines": "mtbkd.questions.baselines.question",
    "axioms": "mtbkd.questions.axioms.question",
    "guarantees": "mtbkd.questions.guarantees.question",
    "weightings": "mtbkd.questions.weightings.question",
    "residues": "mtbkd.questions.residues.question",
    "safety": "mtbkd.questions.safety.question",
    "abstention": "mtbkd.questions.abstention.question",
    "multilabel": "mtbkd.questions.multilabel.question",
    "tables": "mtbkd.questions.tables.question",
}
KINDS = {
    "dataset": DATASETS,
    "encoder": ENCODERS,
    "teacher": TEACHERS,
    "student": STUDENTS,
    "signal": SIGNALS,
    "weights": WEIGHTS,
    "operator": OPERATORS,
    "inference": INFERENCE,
    "analysis": ANALYSES,
}

# What the page says of each kind of question, in sections of its own.
SECTIONS = {
    "votes": "mtbkd.questions.votes.section",
    "perturbation": "mtbkd.questions.perturbation.section",
    "experts": "mtbkd.questions.experts.section",
    "baselines": "mtbkd.questions.baselines.section",
    "axioms": "mtbkd.questions.axioms.section",
    "guarantees": "mtbkd.questions.guarantees.section",
    "weightings": "mtbkd.questions.weightings.section",
    "residues": "mtbkd.questions.residues.section",
    "safety": "mtbkd.questions.safety.section",
    "abstention": "mtbkd.questions.abstention.section",
    "multilabel": "mtbkd.questions.multilabel.section",
    "tables": "mtbkd.questions.tables.section",
    "exact": "mtbkd.questions.exact.section",
    "curves": "mtbkd.questions.curves.section",
    "search": "mtbkd.questions.search.section",
}
# What it says of several analyses together, before them.
TOGETHER = ("mtbkd.questions.baselines.advice",)
# Every figure, in the order of the report.
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
    "abstention": "mtbkd.questions.abstention.figure_abstention",
    "classes": "mtbkd.questions.abstention.figure_classes",
    "rank": "mtbkd.report.figures.rank",
    "ess": "mtbkd.report.figures.ess",
    "forest": "mtbkd.report.figures.forest",
    "lambda_curve": "mtbkd.report.figures.lambda_curve",
    "label_curve": "mtbkd.questions.curves.figure_label_curve",
    "teacher_quality": "mtbkd.questions.curves.figure_teacher_quality",
    "quality_methods": "mtbkd.report.figures.quality_methods",
    "perturbation": "mtbkd.questions.perturbation.figure_perturbation",
    "votes": "mtbkd.questions.votes.figure_votes",
    "location_scores": "mtbkd.questions.multilabel.figure_location_scores",
    "location_calibration": "mtbkd.questions.multilabel.figure_location_calibration",
    "experts": "mtbkd.questions.experts.figure_experts",
    "conformance": "mtbkd.questions.axioms.figure_conformance",
    "guarantees": "mtbkd.questions.guarantees.figure_guarantees",
    "weightings": "mtbkd.questions.weightings.figure_weightings",
    "table_gains": "mtbkd.questions.tables.figure_table_gains",
    "gain_by_labels": "mtbkd.questions.tables.figure_gain_by_labels",
    "critical_difference": "mtbkd.questions.tables.figure_critical_difference",
    "literature_gains": "mtbkd.questions.baselines.figure_literature_gains",
    "literature_weights": "mtbkd.questions.baselines.figure_literature_weights",
    "sbc": "mtbkd.questions.exact.figure_sbc",
    "toy": "mtbkd.questions.exact.figure_toy",
    "residue_bits": "mtbkd.questions.residues.figure_residue_bits",
    "residue_safety": "mtbkd.questions.residues.figure_residue_safety",
    "safety_price": "mtbkd.questions.safety.figure_safety_price",
}


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


def section(kind: str) -> ModuleType:
    """Import and return the section of the page on questions of ``kind``."""
    return importlib.import_module(SECTIONS[kind])


def together() -> list[ModuleType]:
    """Import and return the sections on several analyses."""
    return [importlib.import_module(module) for module in TOGETHER]


def figure(name: str) -> ModuleType:
    """Import and return the figure ``name``."""
    return importlib.import_module(FIGURES[name])
