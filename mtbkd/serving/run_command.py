"""`mtbkd run`: a study with Snakemake in any folder, by the workflow of the checkout or the one that the wheel carries."""

import argparse
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from mtbkd.base import suite
from mtbkd.base.errors import ConfigError, ContractError

ABOUT = """\
Run a study with Snakemake in this folder: its page will be results/STUDY/report.html. Repeat the command to resume.
A config.yaml of this folder is read over the suite's own. Whatever is not listed here goes to Snakemake, for example

  mtbkd run --study smoke -n                                        what would be computed
  mtbkd run --study smoke --cores 2
  mtbkd run --study demo --config device=cuda --resources gpu=1     insist on a GPU
"""


def add_parser(commands: "argparse._SubParsersAction[Any]") -> None:
    """`mtbkd run`."""
    own = commands.add_parser(
        "run", help="run a study of the suite with Snakemake", description=ABOUT,
        usage="%(prog)s [--study STUDY] [--config KEY=VALUE ...] [SNAKEMAKE ...]",
        epilog=f"The workflow: {suite.root() / 'workflow'}", allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    own.add_argument("--study", help="one of `mtbkd list studies` (default: the one in config.yaml)")
    # Snakemake would keep the last --config only
    own.add_argument(
        "--config", "-C", action="extend", nargs="*", default=[], metavar="KEY=VALUE", help="entries of config.yaml"
    )
    own.set_defaults(run=_run, passes_on=True)


def _run(asked: argparse.Namespace) -> int:
    """Become Snakemake, so that signals and the exit status are its own; 1 where a --configfile keeps it from starting."""
    command = [sys.executable, "-m", "snakemake", *arguments(asked)]
    from mtbkd.study import config_files

    if config_files.main(asked.further):
        return 1
    sys.stdout.flush()
    return os.execv(command[0], command)


def arguments(asked: argparse.Namespace) -> list[str]:
    """The arguments of Snakemake.

    Raises:
        ConfigError: no workflow, or no Snakemake.
        ContractError: the folder holds another mtbkd, which the jobs, started here, would import.
    """
    snakefile = suite.root() / "workflow" / "Snakefile"
    if not snakefile.is_file():
        raise ConfigError(
            f"{snakefile}: no such file. Hint: install mtbkd again, or clone its repository and run `make run` there"
        )
    if find_spec("snakemake") is None:
        raise ConfigError("snakemake: not installed. Hint: install mtbkd with its dependencies")
    here = Path("mtbkd").absolute()
    if (here / "__init__.py").is_file() and here.resolve() != suite.PACKAGE:
        raise ContractError(here, "package", "another mtbkd than the one that runs", f"that of {suite.PACKAGE}",
                            "take `python -m mtbkd run`, or another folder")  # fmt: skip
    entries = [*asked.config, *([f"study={asked.study}"] if asked.study is not None else [])]
    if snakefile.is_relative_to(Path.cwd()):  # the page prints the command
        snakefile = snakefile.relative_to(Path.cwd())
    return ["--snakefile", str(snakefile), *asked.further, *(["--config", *entries] if entries else [])]
