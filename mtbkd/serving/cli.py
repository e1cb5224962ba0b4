"""The command `mtbkd`: students on data of one's own, made, checked and used."""

import os
import signal
import sys
from collections import UserDict
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import Any

import click

from mtbkd.base.errors import MtbkdError, machine_fault
from mtbkd.serving.terminal import Stopped, on_signals, one_line, stop, stopped_by

COMPLETE = "_MTBKD_COMPLETE"
MODULES = {
    "check": "mtbkd.serving.check_command",
    "split": "mtbkd.serving.split_command",
    "fit": "mtbkd.serving.fit_command",
    "predict": "mtbkd.serving.predict_command",
    "run": "mtbkd.serving.run_command",
    "try": "mtbkd.serving.try_command",
    "list": "mtbkd.serving.list_command",
    "paper": "mtbkd.serving.paper_command",
    "diff": "mtbkd.serving.difference_command",
    "doctor": "mtbkd.serving.doctor_command",
    "compare": "mtbkd.serving.compare_command",
}


class Commands(UserDict[str, Any]):
    """The ``command`` of each module, imported when it is asked for: a command line must start at once."""

    def __getitem__(self, name: str) -> click.Command:
        return import_module(self.data[name]).command


class Top(click.Group):
    """Lists its commands in the order in which they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands]


def _version(ctx: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked:
        from mtbkd import __version__

        click.echo(f"mtbkd {__version__}")
        ctx.exit()


TOP = Top(
    commands=Commands(MODULES), no_args_is_help=False, context_settings={"show_default": True},
    params=[click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version,
                         help="Show the version and exit.")],
    help="Distil several teachers into a Bayesian student: on your own data, or in the studies of the suite.",
    epilog=f'Tab completion, in ~/.bashrc: eval "$({COMPLETE}=bash_source mtbkd)"; other shells: zsh_source, fish_source.',
)  # fmt: skip


def run(words: Sequence[str]) -> int:
    """The exit status of the command that ``words`` ask for."""
    if instruction := os.environ.get(COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(TOP, {}, "mtbkd", COMPLETE, instruction)
    try:
        with TOP.make_context("mtbkd", [*words]) as context:
            return TOP.invoke(context) or 0
    except click.exceptions.Exit as left:
        return left.exit_code


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    status, where = 1, "mtbkd"
    try:
        try:
            with on_signals(stop):
                return run(sys.argv[1:] if arguments is None else arguments)
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on; nor may the interpreter, when it ends, try to write the rest
        for stream, own in ((sys.stdout, sys.__stdout__), (sys.stderr, sys.__stderr__)):
            if stream is own:  # a caller's stream in its place stays the caller's
                with suppress(OSError, ValueError):
                    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 128 + signal.SIGPIPE
    except click.UsageError as error:
        status, where = 2, error.ctx.command_path if error.ctx else where
        told = one_line(" ".join(error.format_message().split()), 300)  # click lists choices on lines of their own
        message = f"error: {told}{'' if told.endswith(('.', '?', ')')) else '.'} Hint: {where} --help"
    except MtbkdError as error:
        message = f"error: {error}"
    except Exception as error:
        told = machine_fault(error, memory="use a smaller --batch or --device cpu", again="then run the same command again")
        if told is None and not isinstance(error, OSError):
            raise
        message = f"error: {told or _os_error(error)}"
    except Stopped as stopped:
        status, message = 128 + stopped.args[0], stopped_by(stopped.args[0])
    print(f"{where}: {one_line(message)}", file=sys.stderr)
    return status


def _os_error(error: Any) -> str:
    return f"{error.filename or 'a file'}: {error.strerror or error}"


if __name__ == "__main__":
    sys.exit(main())
