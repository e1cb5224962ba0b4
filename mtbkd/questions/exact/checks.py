"""Does a question about exact answers fit the rest of the configuration? Its methods exist, each once, and ask for no more."""

from collections.abc import Iterator

from mtbkd.base.explain import Mistake, choice, sentence
from mtbkd.study.asked import Asked
from mtbkd.study.checking.options import ignored_mistakes


def mistakes(asked: Asked) -> Iterator[Mistake]:
    """Methods that do not exist, are named twice, or have options that nothing here would read."""
    methods, path = asked.settings.methods, (*asked.path, "settings", "methods")
    for index, method in enumerate(methods):
        if method not in asked.declared["methods"]:
            yield Mistake((*path, index), choice(method, asked.declared["methods"]))
        elif method in methods[:index]:
            yield Mistake((*path, index), sentence(method, "each method once", "remove one of them"))
    yield from ignored_mistakes(asked.config, path, methods)
