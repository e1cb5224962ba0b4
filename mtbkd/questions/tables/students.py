"""The students of the question ``tables`` as figures and tables of the page show them."""

from mtbkd.base import registry
from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.verdicts import TEACHERLESS, title
from mtbkd.report.figures.style import CONTROL, signal_colour
from mtbkd.report.titles import Student


def student(method: str) -> Student:
    """With the signal that it learns from, "" for a control, which learns nothing from teachers."""
    own = METHODS[method].signal
    signal = "" if method in TEACHERLESS else own if own in registry.SIGNALS else title(method)
    return Student(method, title(method), signal, "map")


def colour(method: str) -> str:
    """Of its signal, or of controls."""
    signal = student(method).signal
    return signal_colour(signal) if signal else CONTROL
