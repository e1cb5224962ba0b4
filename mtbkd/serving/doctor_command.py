"""The options of `mtbkd doctor`; what it does is in ``doctor``, imported when it runs."""

from pathlib import Path

import click

from mtbkd.serving.terminal import Command, aligned, one_line, option

AFTER = """\
\b
examples:
  mtbkd doctor
  mtbkd doctor --study protein --profile slurm

exit status: 0 nothing fails, 1 something does (warnings alone do not count), 2 a wrong option
"""


@click.command(cls=Command, epilog=AFTER, short_help="Check what a run will need, before it starts.")
@option("--study", show_default="the one in config.yaml", help="One of `mtbkd list studies`.")
@option(
    "--profile", metavar="NAME", show_default="this machine", help="Profile of Snakemake: gpu, slurm, kubernetes, or a folder."
)
def command(study: str | None, profile: str | None) -> int:
    """Check what a run in this folder will need: packages, disk, memory, folders, locks, GPU, the cluster of a profile,
    storage, downloads. A line each: ok, warning (a run works, but slower or not everywhere), or fails, with a hint.
    """
    from mtbkd.serving.doctor.examine import examine

    found = examine(Path.cwd(), study, profile)
    for line in aligned([(each.name, each.state, one_line(str(each))) for each in found]):
        print(line)
    count = sum(each.state == "fails" for each in found)
    print(f"\n{count} of {len(found)} checks fail" if count else "\nready to run")
    return int(bool(count))
