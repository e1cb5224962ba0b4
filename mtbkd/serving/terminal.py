"""What every command does alike: mistakes and signals in one line, and nothing unfinished left behind."""

import math
import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial, reduce
from pathlib import Path
from typing import Any, NoReturn

import click

PATH = click.Path(path_type=Path, readable=False)  # what is wrong with a file is said by its reader


class Words(click.ParamType):
    """Any number of words, but at least ``least``, up to the next option, each of the type ``each``."""

    name = "words"

    def __init__(self, each: click.ParamType = click.STRING, least: int = 0):
        self.each, self.least = each, least

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[Any]:
        return [self.each(word, param, ctx) for word in ([value] if isinstance(value, str) else value)]

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
        return self.each.shell_complete(ctx, param, incomplete)


class Share(click.FloatRange):
    """A number in a range, which NaN is not, though no comparison says so."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        found = super().convert(value, param, ctx)
        return self.fail(f"{value} is no number", param, ctx) if math.isnan(found) else found


class Option(click.Option):
    """An option, and the heading that it stands under."""

    def __init__(self, *given: Any, group: str = "Options", **settings: Any):
        super().__init__(*given, **settings)
        self.group = group


class Command(click.Command):
    """Options under headings; one that stands twice is a mistake, as is one without its value."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[Any]] = {}
        for each in self.get_params(ctx):
            if isinstance(each, click.Option):
                groups.setdefault(getattr(each, "group", "Options"), []).append(each.get_help_record(ctx))
        for group, rows in groups.items():
            with formatter.section(group):
                formatter.write_dl(rows)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args if ctx.resilient_parsing else [*self._joined(ctx, args)])

    def _joined(self, ctx: click.Context, args: Iterable[str]) -> Iterator[Any]:
        """The words of the command line, those of an option of type ``Words`` as one list."""
        options = {name: each for each in self.params if isinstance(each, Option) and not each.is_flag for name in each.opts}
        rest, given = deque(args), set()
        while rest:
            name, equals, value = (word := rest.popleft()).partition("=")
            if word == "--":  # what follows is no option, and goes on as it is to a program that gets all the rest
                yield from (word, *([word] if ctx.ignore_unknown_options else []), *rest)
                return
            if (option := options.get(name)) is None:
                yield word
                continue
            if option in given and not option.multiple:
                raise click.BadOptionUsage(name, f"{name}: found twice; expected once", ctx)
            given.add(option)
            words, several = [value] if equals else [], option.type if isinstance(option.type, Words) else None
            while not equals and rest and _is_value(rest[0]) and (several or not words):
                words.append(rest.popleft())
            if len(words) < (several.least if several else 1):
                raise click.BadOptionUsage(name, f"{name}: found nothing; expected a value", ctx)
            yield from (name, words if several else words[0])


def _is_value(word: str) -> bool:
    """Whether it is no option: a minus alone and a negative number are none."""
    return word[:1] != "-" or word[1:2] in ".0123456789"


def together(*options: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """One decorator for several options."""
    return lambda function: reduce(lambda made, each: each(made), reversed(options), function)


option = partial(click.option, cls=Option)
how = partial(option, group="How")
run_options = together(  # of every command that computes
    how("--device", type=click.Choice(["auto", "cpu", "cuda"]), default="auto", help="auto: CUDA where there is one."),
    how("--quiet", is_flag=True, help="Say nothing but errors."),
)


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
