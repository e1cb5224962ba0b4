"""Every part that can be named in config.yaml, every section of the page and every figure: one line each, name -> module.

A registered module holds ``Settings`` (its hyper-parameters with bounds and defaults) and the functions of its kind; see
workflow/README.md for the contracts. Conformance tests pick up each line by themselves.
"""

import importlib
from types import ModuleType

from mtbkd.errors import ConfigError, nearest

DATASETS = {
    "sim1": "mtbkd.datasets.sim1",
    "sim2": "mtbkd.datasets.sim2",
    "bkd": "mtbkd.datasets.bkd",
    "digits": "mtbkd.datasets.digits",
    "protein": "mtbkd.datasets.protein",
    "deeploc": "mtbkd.datasets.deeploc",
    "table": "mtbkd.datasets.table",
    "mlbench": "mtbkd.datasets.mlbench",
    "scikit": "mtbkd.datasets.scikit",
    "mnist": "mtbkd.datasets.mnist",
    "fashion_mnist": "mtbkd.datasets.fashion_mnist",
    "cifar10": "mtbkd.datasets.cifar10",
    "cifar100": "mtbkd.datasets.cifar100",
    "svhn": "mtbkd.datasets.svhn",
    "usps": "mtbkd.datasets.usps",
    "digit_domains": "mtbkd.datasets.digit_domains",
    "digit_five": "mtbkd.datasets.digit_five",
}
ENCODERS = {
    "descriptors": "mtbkd.encoders.descriptors",
    "cnn": "mtbkd.encoders.cnn",
    "unirep64": "mtbkd.encoders.unirep64",
    "esm2_8m": "mtbkd.encoders.esm2_8m",
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
    "votes": "mtbkd.analyses.votes",
    "perturbation": "mtbkd.analyses.perturbation",
    "experts": "mtbkd.analyses.experts",
    "baselines": "mtbkd.analyses.baselines",
    "axioms": "mtbkd.analyses.axioms",
    "guarantees": "mtbkd.analyses.guarantees",
    "weightings": "mtbkd.analyses.weightings",
    "residues": "mtbkd.analyses.residues",
    "safety": "mtbkd.analyses.safety",
    "abstention": "mtbkd.analyses.abstention",
    "multilabel": "mtbkd.analyses.multilabel",
    "tables": "mtbkd.analyses.tables",
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
    "votes": "mtbkd.report.analyses.votes",
    "perturbation": "mtbkd.report.analyses.perturbation",
    "experts": "mtbkd.report.analyses.experts",
    "baselines": "mtbkd.report.analyses.baselines",
    "axioms": "mtbkd.report.analyses.axioms",
    "guarantees": "mtbkd.report.analyses.guarantees",
    "weightings": "mtbkd.report.analyses.weightings",
    "residues": "mtbkd.report.analyses.residues",
    "safety": "mtbkd.report.analyses.safety",
    "abstention": "mtbkd.report.analyses.abstention",
    "multilabel": "mtbkd.report.analyses.multilabel",
    "tables": "mtbkd.report.analyses.tables",
    "exact": "mtbkd.report.validation",
    "curves": "mtbkd.report.curves",
    "search": "mtbkd.report.search",
}
# What it says of several analyses together, before them.
TOGETHER = ("mtbkd.report.advice",)
# Every figure, in the order of the report.
FIGURES = {
    "metrics": "mtbkd.figures.metrics",
    "planes": "mtbkd.figures.planes",
    "weights_plane": "mtbkd.figures.weights_plane",
    "coverage_levels": "mtbkd.figures.coverage_levels",
    "coverage": "mtbkd.figures.coverage",
    "coverage_size": "mtbkd.figures.coverage_size",
    "reliability": "mtbkd.figures.reliability",
    "maps": "mtbkd.figures.maps",
    "boxes": "mtbkd.figures.boxes",
    "extremes": "mtbkd.figures.extremes",
    "abstention": "mtbkd.figures.abstention",
    "classes": "mtbkd.figures.classes",
    "rank": "mtbkd.figures.rank",
    "ess": "mtbkd.figures.ess",
    "forest": "mtbkd.figures.forest",
    "lambda_curve": "mtbkd.figures.lambda_curve",
    "label_curve": "mtbkd.figures.label_curve",
    "teacher_quality": "mtbkd.figures.teacher_quality",
    "quality_methods": "mtbkd.figures.quality_methods",
    "perturbation": "mtbkd.figures.perturbation",
    "votes": "mtbkd.figures.votes",
    "location_scores": "mtbkd.figures.location_scores",
    "location_calibration": "mtbkd.figures.location_calibration",
    "experts": "mtbkd.figures.experts",
    "conformance": "mtbkd.figures.conformance",
    "guarantees": "mtbkd.figures.guarantees",
    "weightings": "mtbkd.figures.weightings",
    "table_gains": "mtbkd.figures.table_gains",
    "gain_by_labels": "mtbkd.figures.gain_by_labels",
    "critical_difference": "mtbkd.figures.critical_difference",
    "literature_gains": "mtbkd.figures.literature_gains",
    "literature_weights": "mtbkd.figures.literature_weights",
    "sbc": "mtbkd.figures.sbc",
    "toy": "mtbkd.figures.toy",
    "residue_bits": "mtbkd.figures.residue_bits",
    "residue_safety": "mtbkd.figures.residue_safety",
    "safety_price": "mtbkd.figures.safety_price",
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
