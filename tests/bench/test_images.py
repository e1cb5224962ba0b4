"""The plain loop over seeds computes what the students that are trained together compute."""

import pytest
import torch

from mtbkd.bench import images
from mtbkd.students import cnn


def test_a_plain_step_has_the_gradient_of_ours() -> None:
    student = cnn.build(cnn.Settings(channels=(3, 2), hidden=(5,), norm="layer"), (2, 9, 8), images.CLASSES)
    ours = images.ours(student, (2, 9, 8), 1)()[0]
    plain = images.plain_step(student, (2, 9, 8))()
    torch.testing.assert_close(torch.cat([part.flatten() for part in plain]), ours, rtol=1e-3, atol=1e-3)


def test_every_shape_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.002, 0.001, 0.004] * len(images.SHAPES))
    monkeypatch.setattr(images, "best", lambda step, repeats: (step(), next(times))[1])
    rows = images.measure()
    assert [row["images"] for row in rows] == list(images.SHAPES)
    assert rows[0]["parameters"] == 25_558 and rows[0]["of_loop"] == 2 and rows[0]["of_one"] == 4
