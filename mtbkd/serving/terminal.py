"""What every command does alike: mistakes and signals in one line, and nothing unfinished left behind."""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn


class Parser(argparse.ArgumentParser):
    """Mistakes in one line; an option that stands twice is one."""

    def __init__(self, *arguments: Any, **settings: Any):
        super().__init__(*arguments, **settings)
        self.register("action", None, Once)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {one_line(message, 300)}. Hint: {self.prog} --help\n")


def add_run_options(group: Any) -> None:
    """Options of every command that computes: where, and how loud."""
    group.add_argument(
        "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: auto, CUDA where there is one"
    )
    group.add_argument("--quiet", action="store_true", help="say nothing but errors")


class Once(argparse.Action):
    """Keep the value of an option that may stand once."""

    def __call__(self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None):
        given = namespace.__dict__.setdefault("given", set())
        if self.dest in given:
            parser.error(f"{option}: found twice; expected once")
        given.add(self.dest)
        setattr(namespace, self.dest, values)


class Stopped(BaseException):
    """A signal asked the command to end, so that unfinished files are taken away on the way out."""


def stop(number: int, frame: object) -> None:
    raise Stopped(number)


def leave(number: int, frame: object) -> NoReturn:
    """End at once, while there is nothing to take away: an exception would abort libraries that are being loaded."""
    os.write(2, f"mtbkd: {stopped_by(number)}\n".encode())
    os._exit(128 + number)


def stopped_by(number: int) -> str:
    return f"stopped by {signal.Signals(number).name}"


@contextmanager
def on_signals(act: Callable[[int, object], None]) -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP do ``act`` inside, unless whoever started the program has other plans with them."""
    ours = (signal.SIG_DFL, signal.default_int_handler, stop, leave)
    known = {}
    if threading.current_thread() is threading.main_thread():
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        known = {number: signal.signal(number, act) for number in numbers if signal.getsignal(number) in ours}
    try:
        yield
    finally:
        for number, handler in known.items():
            signal.signal(number, handler)


def one_line(text: str, most: int = 2000) -> str:
    """``text`` with what is not printable escaped, so that a name can neither break a line nor steer a terminal."""
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text[:most])
    return shown if len(text) <= most else f"{shown}..."


def aligned(table: list[tuple[str, ...]]) -> list[str]:
    """Rows of text as lines whose columns stand below each other."""
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in table]


def tell(lines: Iterable[str], quiet: bool = False) -> None:
    """Lines for the user, on standard error."""
    for line in () if quiet else lines:
        print(one_line(line), file=sys.stderr)
