"""Every part that can be named in config.yaml: one line each, name -> module.

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
    "table": "mtbkd.datasets.table",
}
TEACHERS = {
    "mlp": "mtbkd.teachers.mlp",
    "cnn": "mtbkd.teachers.cnn",
    "released": "mtbkd.teachers.released",
    "uniform": "mtbkd.teachers.uniform",
}
STUDENTS = {
    "linear": "mtbkd.students.linear",
    "mlp": "mtbkd.students.mlp",
    "cnn": "mtbkd.students.cnn",
}
SIGNALS = {
    "none": "mtbkd.signals.none",
    "kd": "mtbkd.signals.kd",
    "tip": "mtbkd.signals.tip",
    "bkd": "mtbkd.signals.bkd",
    "power": "mtbkd.signals.power",
}
WEIGHTS = {
    "equal": "mtbkd.pooling.equal",
    "entropy": "mtbkd.pooling.entropy",
    "inverse_entropy": "mtbkd.pooling.inverse_entropy",
    "exponential_entropy": "mtbkd.pooling.exponential_entropy",
    "inverse_square_entropy": "mtbkd.pooling.inverse_square_entropy",
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
    "smc": "mtbkd.inference.smc",
}
ANALYSES: dict[str, str] = {}
KINDS = {
    "dataset": DATASETS,
    "teacher": TEACHERS,
    "student": STUDENTS,
    "signal": SIGNALS,
    "weights": WEIGHTS,
    "inference": INFERENCE,
    "analysis": ANALYSES,
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
