"""The command `mtbkd`: students on data of one's own, made, checked and used."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from mtbkd.base.errors import MtbkdError, machine_fault
from mtbkd.data.datasets import split_command
from mtbkd.serving import (
    check_command,
    difference_command,
    fit_command,
    list_command,
    predict_command,
    run_command,
    try_command,
)
from mtbkd.serving.terminal import Parser, Stopped, on_signals, one_line, stop, stopped_by

COMMANDS = (
    check_command,
    split_command,
    fit_command,
    predict_command,
    run_command,
    try_command,
    list_command,
    difference_command,
)


def parser() -> Parser:
    """The options; their help is for people who have not read the code."""
    top = Parser(prog="mtbkd", description="Students taught by several teachers, in use.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_parser(commands)
    return top


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """The options; ``further`` are those that a command passes on."""
    top = parser()
    asked, asked.further = top.parse_known_args(arguments)
    if asked.further and "passes_on" not in asked:
        top.error(f"unrecognized arguments: {' '.join(asked.further)}")
    return asked


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    status = 1
    try:
        try:
            with on_signals(stop):
                asked = parsed(arguments)
                return asked.run(asked) or 0
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on; nor may the interpreter, when it ends, try to write the rest
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return 128 + signal.SIGPIPE
    except MtbkdError as error:
        message = f"error: {error}"
    except Exception as error:
        told = machine_fault(error, memory="use a smaller --batch or --device cpu", again="then run the same command again")
        if told is None and not isinstance(error, OSError):
            raise
        message = f"error: {told or _os_error(error)}"
    except Stopped as stopped:
        status, message = 128 + stopped.args[0], stopped_by(stopped.args[0])
    print(f"mtbkd: {one_line(message)}", file=sys.stderr)
    return status


def _os_error(error: Any) -> str:
    return f"{error.filename or 'a file'}: {error.strerror or error}"


if __name__ == "__main__":
    sys.exit(main())
