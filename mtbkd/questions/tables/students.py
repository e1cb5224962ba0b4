"""The students of the question ``tables`` as figures and tables of the page show them."""

from mtbkd.questions.tables.methods import METHODS
from mtbkd.questions.tables.verdicts import TEACHERLESS, title
from mtbkd.report.figures.style import CONTROL, signal_colour
from mtbkd.report.titles import Student


def student(method: str) -> Student:
    """With the signal that it learns from, "" for a control, which learns nothing from teachers."""
    signal = "" if method in TEACHERLESS else METHODS[method].signal
    return Student(method, title(method), signal, "map")


def colour(method: str) -> str:
    """Of its signal, or of controls."""
    signal = student(method).signal
    return signal_colour(signal) if signal else CONTROL
