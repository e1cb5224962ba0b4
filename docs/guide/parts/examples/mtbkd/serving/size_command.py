"""`mtbkd size`: how many parameters a student has."""

import click

from mtbkd.base import registry
from mtbkd.serving.terminal import Command, option


@click.command(cls=Command, epilog="example: mtbkd size mlp --features 30 --classes 2", short_help="Parameters of a student.")
@click.argument("student", type=click.Choice(sorted(registry.STUDENTS)))
@option("--features", type=click.IntRange(1, 1_000_000), required=True, help="Number of inputs.")
@option("--classes", type=click.IntRange(2, 1_000_000), required=True, help="Number of classes.")
def command(student: str, features: int, classes: int) -> None:
    """How many parameters a student with its default settings has."""
    module = registry.part("student", student)
    print(f"{module.num_params(module.Settings(), (features,), classes):,}")
