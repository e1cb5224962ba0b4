"""`mtbkd run`: a study with Snakemake in any folder, by the workflow of the checkout or the one that the wheel carries."""

import os
import re
import sys
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import chain
from pathlib import Path

import click

from mtbkd.base import suite
from mtbkd.base.errors import ConfigError, ContractError
from mtbkd.serving.terminal import Command, Words, option

NESTED = "what is nested goes into a config.yaml of this folder"
AFTER = f"""\
\b
examples:
  mtbkd run --study smoke -n                                      what would run
  mtbkd run --study smoke --cores 2
  mtbkd run --study demo --config device=cuda --resources gpu=1   insist on a GPU

The workflow: {suite.root() / "workflow"}
"""


@click.command(
    cls=Command, epilog=AFTER, short_help="Run a study of the suite with Snakemake.",
    context_settings={"ignore_unknown_options": True},
)  # fmt: skip
@option("--study", show_default="the one in config.yaml", help="One of `mtbkd list studies` or of `mtbkd paper`.")
@option("--config", "-C", type=Words(), multiple=True, metavar="KEY=VALUE...", help="Entries of config.yaml.")
@click.argument("snakemake", nargs=-1, type=click.UNPROCESSED)
def command(study: str | None, config: Sequence[Sequence[str]], snakemake: Sequence[str]) -> int:
    """Run a study with Snakemake in this folder: its page will be results/STUDY/report.html. Repeat the command to resume. A
    config.yaml of this folder is read over the suite's own. Whatever is not listed here goes to Snakemake.
    """
    for entry in chain(*config):
        if not re.match(r"[A-Za-z_]\w*=", entry):
            raise ConfigError(f"--config: found '{entry}'; allowed: KEY=VALUE, such as device=cpu. Hint: {NESTED}")
    entries = [*chain(*config), *([f"study={study}"] if study is not None else [])]  # Snakemake keeps the last --config only
    line = [sys.executable, "-m", "snakemake", *arguments(snakemake, entries)]
    from mtbkd.study import config_files

    if config_files.main([*snakemake]):  # so that signals and the exit status are Snakemake's own, this process becomes it
        return 1
    sys.stdout.flush()
    return os.execv(line[0], line)


def arguments(further: Iterable[str], entries: Sequence[str]) -> list[str]:
    """The arguments of Snakemake, with ``entries`` of the configuration.

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
    if snakefile.is_relative_to(Path.cwd()):  # the page prints the command
        snakefile = snakefile.relative_to(Path.cwd())
    # before what is handed on, as everything after its -- is a target
    return [*(["--config", *entries] if entries else []), "--snakefile", str(snakefile), *further]
