"""Compute one analysis, or a part of one, from files and write its tables: what the rules ``analysis_<name>`` call."""

import importlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtbkd.base import registry
from mtbkd.base.errors import ContractError
from mtbkd.base.frames import write_table
from mtbkd.inference.optimise import Training
from mtbkd.questions.inputs import Inputs


def analysis_files(spec: Mapping[str, Any], out: Mapping[str, str]) -> None:
    """Run the analysis ``spec``, or one part of it, and write its tables.

    Args:
        spec: kind, settings, and the attributes of ``Inputs`` with files in place of their content; a part has ``content`` in
            place of settings.
        out: table -> parquet file.

    Raises:
        ContractError: the module did not return exactly the tables that it promises.
    """
    rest = {key: value for key, value in spec.items() if key not in ("kind", "settings", "content")}
    rest |= {"training": Training.model_validate(spec["training"]), "raw": Path(spec["raw"])}
    rest |= {key: tuple(spec[key]) for key in ("blocks", "methods")}
    module, inputs = registry.part("analysis", spec["kind"]), Inputs(**rest)
    if "content" in spec:
        tables, promised = importlib.import_module(module.PART).run(inputs, spec["content"]), module.PART_TABLES
    else:
        tables, promised = module.run(inputs, module.Settings.model_validate(spec["settings"])), module.TABLES
    if set(tables) != set(promised):
        where = f"analysis {spec['name']} of kind {spec['kind']}"
        raise ContractError(where, "tables", ", ".join(tables) or "none", ", ".join(promised))
    for name, frame in tables.items():
        write_table(frame, out[name])
