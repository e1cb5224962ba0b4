"""The page embeds its figures, heavy ones in few colours."""

import base64
import re
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from PIL import Image

from mtbkd.report.page import COLOURS, HEAVY, embedded, slim


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
    figure.write_bytes(b"<svg>" + b"x" * HEAVY + b"</svg>")
    head, body = content(embedded(figure))
    assert head == "data:image/webp" and len(body) < HEAVY
    with Image.open(BytesIO(body)) as image:
        found = image.getcolors()
        assert image.size == (120, 80) and found is not None and len(found) <= COLOURS


def test_a_heavy_figure_without_a_bitmap_stays(figure: Path) -> None:
    figure.with_suffix(".png").unlink()
    figure.write_bytes(b"x" * (HEAVY + 1))
    assert content(embedded(figure))[0] == "data:image/svg+xml"


def test_a_slim_figure_has_the_same_elements_at_the_same_places() -> None:
    svg = """<?xml version="1.0"?>
<svg xmlns="http://www.w3.org/2000/svg" width="9.123456pt">
 <metadata><a>b</a></metadata>
 <g id="axes_1">
  <path id="m1" d="M 94.540474 -204.129746
L 227.926613 204.129746
C 1 2 3.5 4 0.000012 6
z
" style="stroke-width: 0.123456"/>
  <use href="#m1" x="111.772176" y="-3"/>
  <text x="1.239" transform="rotate(-90 1.239 2.3456)">Q at 0.123456 M x</text>
 </g>
</svg>"""
    number = re.compile(r"-?\d+\.?\d*")
    whole, lean = (list(ET.fromstring(text).iter()) for text in (svg, slim(svg)))
    whole = [each for each in whole if each.tag.rpartition("}")[2] not in ("metadata", "a")]
    assert [each.tag for each in lean] == [each.tag for each in whole] and len(slim(svg)) < 0.8 * len(svg)
    for a, b in zip(whole, lean, strict=True):
        assert (a.text or "").strip() == (b.text or "").strip()
        for name in set(a.keys()) - ({"id"} if a.tag.endswith("}g") else set()):
            if name not in ("d", "x", "y"):
                assert a.get(name) == b.get(name)
                continue
            shapes = ["".join(number.sub("", each.get(name, "")).split()) for each in (a, b)]
            places = [[float(n) for n in number.findall(each.get(name, ""))] for each in (a, b)]
            assert shapes[0] == shapes[1] and np.allclose(*places, rtol=0, atol=0.01)
