"""Files of the suite that are no modules: config.yaml, workflow/, scripts/, envs/, pyproject.toml.

In a checkout they lie beside the package, in an installed wheel inside it (``force-include`` in pyproject.toml).
"""

from pathlib import Path

import mtbkd

PACKAGE = Path(mtbkd.__file__).resolve().parent


def root() -> Path:
    """The folder that holds them."""
    packaged = PACKAGE / "suite"  # no checkout has it; beside an installed package lie files of others
    return packaged if packaged.is_dir() else PACKAGE.parent
