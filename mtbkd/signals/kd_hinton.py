"""Distillation with one temperature on both sides, times its square: kappa T^2 sum_k pbar_k(T) log q_k(T).

Hinton, Vinyals & Dean (2015, arXiv 1503.02531): T divides the logits of teachers and student, and T^2 keeps the size of the
gradients. T is ``teacher_temperature``; ``student_temperature`` is not read.
"""

from dataclasses import replace

from mtbkd.signals import kd
from mtbkd.signals.kd import NEEDS_WEIGHTS, mixture, prepare, slope, term, term_symbolic
from mtbkd.signals.shared import Shared

__all__ = ["NEEDS_WEIGHTS", "USES", "Settings", "adjust", "mixture", "prepare", "slope", "term", "term_symbolic"]
Settings = kd.Settings
USES = kd.USES - {"student_temperature"}


def adjust(shared: Shared) -> Shared:
    """The same temperature on the student's side, and beta times its square."""
    temperature = shared.teacher_temperature
    return replace(shared, student_temperature=temperature, beta=shared.beta * temperature**2)
