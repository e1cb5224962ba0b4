"""Compute one question, or a part of one, from files and write its tables: what the rules of rules/questions.smk call."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.frames import write_table
from mtbkd.inference.optimise import Training
from mtbkd.questions.inputs import Inputs


def question_files(spec: Mapping[str, Any], out: Mapping[str, str]) -> None:
    """Run the question ``spec``, or one part of it, and write its tables.

    Args:
        spec: kind, content, the step of a part, and the attributes of ``Inputs`` with files in place of their content.
        out: table -> parquet file.

    Raises:
        ContractError: the module did not return exactly the tables that it promises.
    """
    module = registry.part("question", spec["kind"])
    job, promised = module, module.TABLES
    if "step" in spec:
        step = module.STEPS[spec["step"]]
        job, promised = importlib.import_module(step.job), step.tables
    typed = getattr(job, "Spec", module.Settings).model_validate(spec["content"])
    tables = job.run(inputs_of(spec), typed)
    if set(tables) != set(promised):
        where = f"question {spec['name']} of kind {spec['kind']}"
        raise ContractError(where, "tables", ", ".join(tables) or "none", ", ".join(promised))
    for name, frame in tables.items():
        write_table(frame, out[name])


def inputs_of(spec: Mapping[str, Any]) -> Inputs:
    """What the question ``spec`` may read."""
    rest = {key: value for key, value in spec.items() if key not in ("kind", "step", "content")}
    rest |= {"raw": Path(spec["raw"])} | {key: tuple(spec[key]) for key in ("blocks", "methods") if key in spec}
    rest |= {"training": Training.model_validate(spec["training"])} if "training" in spec else {}
    return Inputs(**rest)
