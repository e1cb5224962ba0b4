"""The page embeds its figures, heavy ones in few colours."""

import base64
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mtbkd.report.page import COLOURS, HEAVY, embedded


def content(uri: str) -> tuple[str, bytes]:
    head, body = uri.split(";base64,")
    return head, base64.b64decode(body)


@pytest.fixture
def figure(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 255, (80, 120, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "figure.png")
    return tmp_path / "figure.svg"


def test_a_light_figure_is_embedded_as_it_is(figure: Path) -> None:
    figure.write_text("<svg/>")
    assert content(embedded(figure)) == ("data:image/svg+xml", b"<svg/>")


def test_a_heavy_figure_is_embedded_as_a_bitmap_in_few_colours(figure: Path) -> None:
    figure.write_bytes(b"<svg>" + b" " * HEAVY + b"</svg>")
    head, body = content(embedded(figure))
    assert head == "data:image/png" and len(body) < HEAVY
    with Image.open(BytesIO(body)) as image:
        found = image.getcolors()
        assert image.size == (120, 80) and found is not None and len(found) <= COLOURS


def test_a_heavy_figure_without_a_bitmap_stays(figure: Path) -> None:
    figure.with_suffix(".png").unlink()
    figure.write_bytes(b" " * (HEAVY + 1))
    assert content(embedded(figure))[0] == "data:image/svg+xml"
