"""The commands of `mtbkd`, as click tells about them."""

import click

from mtbkd.serving.cli import TOP


def every(_: str) -> str:
    """A section for each command, with its help."""
    with click.Context(TOP, info_name="mtbkd") as top:
        return "\n\n".join(_section(name, top) for name in TOP.list_commands(top))


def _section(name: str, top: click.Context) -> str:
    command = TOP.commands[name]
    with click.Context(command, info_name=name, parent=top, max_content_width=88, terminal_width=88) as context:
        return f"(command-{name})=\n## mtbkd {name}\n\n{command.short_help}\n\n````text\n{command.get_help(context)}\n````"
