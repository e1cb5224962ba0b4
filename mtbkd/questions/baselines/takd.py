"""TAKD: a chain teacher -> assistant -> student (Mirzadeh et al., AAAI 2020).

The assistant, a student with ``widening`` times the hidden units, learns from labels and the mean of the teachers' losses;
then the student learns from labels and the assistant alone: both minimise (1 - l) CE + l T^2 KL with the same l and T. That
paper has one teacher and no mean. A student without hidden layers has an assistant of its own kind. Left out: longer chains.
"""

from dataclasses import replace
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from mtbkd.base.gather import examples_last
from mtbkd.base.lazy import torch
from mtbkd.questions.baselines.bench import Bench, Trained, equal
from mtbkd.students import Student

TITLE = "TAKD"


class Settings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    widening: int = Field(2, ge=1, le=1_000, description="hidden units of the assistant, as a multiple of the student's")


def widened(student: Student, widening: int) -> Student:
    """The same architecture with more hidden units; the student itself where it has no dense hidden layer, or is a module."""
    network: Any = student
    if not student.hidden or not hasattr(network, "sizes"):
        return student
    first, *hidden, last = network.sizes
    return replace(network, sizes=(first, *(units * widening for units in hidden), last))


def learn_from(bench: Bench, logits: "torch.Tensor") -> "torch.Tensor":
    """Parameters (U, P) of students of one teacher, ``logits`` (U, N, K)."""
    prob = torch.softmax(logits / bench.temperature.view(-1, 1, 1), -1)
    return bench.follow(equal, prob=examples_last(prob.unsqueeze(2)))


def train(bench: Bench, settings: Settings) -> Trained:
    """Students of an assistant that learnt from all teachers."""
    assistant = widened(bench.student, settings.widening)
    params = bench.follow(equal, student=assistant, start=bench.start(assistant, "assistant"))
    return Trained(learn_from(bench, bench.predict(params, bench.x, assistant)))
