"""Compute one analysis from files and write its tables: what the rules ``analysis_<name>`` call."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mtbkd import registry
from mtbkd.analyses import Inputs
from mtbkd.errors import ContractError
from mtbkd.optimise import Training
from mtbkd.writing import atomic


def analysis_files(spec: Mapping[str, Any], out: Mapping[str, str]) -> None:
    """Run the analysis ``spec`` and write its tables.

    Args:
        spec: kind, settings, and the attributes of ``Inputs`` with files in place of their content.
        out: table -> parquet file.

    Raises:
        ContractError: the module did not return exactly the tables that it promises.
    """
    rest = {key: value for key, value in spec.items() if key not in ("kind", "settings")}
    rest |= {"training": Training.model_validate(spec["training"]), "raw": Path(spec["raw"])}
    rest |= {key: tuple(spec[key]) for key in ("blocks", "methods")}
    module = registry.part("analysis", spec["kind"])
    tables = module.run(Inputs(**rest), module.Settings.model_validate(spec["settings"]))
    if set(tables) != set(module.TABLES):
        where = f"analysis {spec['name']} of kind {spec['kind']}"
        raise ContractError(where, "tables", ", ".join(tables) or "none", ", ".join(module.TABLES))
    for name, frame in tables.items():
        with atomic(Path(out[name])) as temporary:
            frame.to_parquet(temporary, index=False)
