"""Interactive pictures in a real browser, under the page's own content policy: what they answer to, and what stands else."""

import base64
import csv
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, FileSystemLoader

from mtbkd.report import pictures
from mtbkd.report.figures import interactive as views
from mtbkd.report.figures.interactive import Panel, Spec
from mtbkd.report.page import TEMPLATES, Figure
from tests.workflow.test_browser import start

pytestmark = pytest.mark.browser
SVG = "data:image/svg+xml;base64," + base64.b64encode(
    b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="900"><rect width="300" height="900"/></svg>'
).decode()  # fmt: skip
METHODS = {
    "labels_map": ("Labels alone, MAP", "none", "map"),
    "kd_vi": ("KD <b>, VI", "kd", "vi"),
    "tip_x": ("MT-BKD", "tip", "sgld"),
}


def rows(shift: float) -> list[dict[str, Any]]:
    return [
        {"method": method, "title": title, "signal": signal, "inference": inference, "mean": shift + k, "low": shift + k - 0.5,
         "high": shift + k + 0.5, "passed": k != 1, "gates": "failed: rhat" if k == 1 else "passed"}
        for k, (method, (title, signal, inference)) in enumerate(METHODS.items())
    ]  # fmt: skip


def forest() -> Spec:
    panels = [Panel(name, name, rows(k), (-1.0, 4.0), "nats", 0.0) for k, name in enumerate(("one", "two"))]
    belongs = {"panel0": {"experiment": "one"}, "panel1": {"experiment": "two"}}
    return views.forest(panels, views.tooltip(title="Method", method="Id", mean="Mean", gates="Gates"), belongs=belongs)


def facets() -> Spec:
    points = [{**row, "x": x} for row in rows(0) for x in (1.0, 2.0, 3.0)]
    dots = views.layer(views.DOT, params=views.zoom("zoom", "x", "y"), x=views.number("x"), y=views.number("mean"),
                       **views.dots(points, views.tooltip(title="Method")))  # fmt: skip
    return views.spec(
        views.facets(points, [dots], 3), {"data": points}, {row["method"]: row for row in rows(0)}, renderer="canvas"
    )


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    figures = []
    for name, spec in (("first", forest()), ("second", facets())):
        views.write(spec, folder / f"{name}.{views.ENDING}")
        packed = pictures.packed(folder / f"{name}.svg")
        figures.append(Figure(SVG, None, f"The {name}", "Results", "A caption.", f"Picture {name}", name, packed))
    (folder / "page.html").write_text(html(figures, pictures.library(folder / "library")), encoding="utf-8")
    return (folder / "page.html").as_uri()


def html(figures: list[Figure], vega: str) -> str:
    """The figures far from each other, with the styles, the policy and the script of the page."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= dict.fromkeys(("explained", "in_words", "called"), str)
    macros: Any = environment.get_template("macros.html.j2").module
    policy = re.findall(r"<meta http-equiv=.*>", (TEMPLATES / "page.html.j2").read_text())
    styles = [(TEMPLATES / f"{name}.css").read_text() for name in ("page", "pictures")]
    body = '<p style="height: 4000px"></p>'.join(macros.figure(each) for each in figures)
    script = "\n".join((TEMPLATES / f"{name}.js").read_text() for name in ("common", "pictures"))
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">{policy[0]}<link rel="icon" href="data:,"><title>t</title>'
        f'<style>{" ".join(styles)}</style></head><body style="display: block">{body}'
        f'<script type="text/plain" id="vega">{vega}</script><script>{script}</script></body></html>'
    )


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    found = start(tmp_path_factory.mktemp("profile"))
    found.set_window_size(1280, 900)
    yield found
    found.quit()


@pytest.fixture
def browser(driver: Any, page: str) -> Any:
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    driver.get(page)
    into_view(driver, "first")
    return driver


def into_view(driver: Any, name: str) -> None:
    driver.execute_script("document.documentElement.style.scrollBehavior = 'auto'")
    driver.execute_script(f"document.querySelector('[data-picture={name}]').scrollIntoView()")
    until(driver, f"document.querySelector('[data-picture={name}]').matches('.live')")


def until(driver: Any, condition: str) -> None:
    for _ in range(150):
        if driver.execute_script(f"return {condition}"):
            return
        time.sleep(0.1)
    raise AssertionError(condition)


def labels(driver: Any) -> list[str]:
    """The texts of both axes of all panels of the first picture."""
    script = "return [...document.querySelectorAll('[data-picture=first] .role-axis-label text')].map(t => t.textContent)"
    return driver.execute_script(script)


def display(driver: Any, selector: str) -> str:
    return driver.execute_script(f"return getComputedStyle(document.querySelector('{selector}')).display")


def test_pictures_come_when_they_are_seen_without_an_error_or_a_request(browser: Any, page: str) -> None:
    assert not browser.execute_script("return document.querySelector('[data-picture=second]').matches('.live')")
    into_view(browser, "second")
    assert browser.execute_script("return document.querySelectorAll('[data-picture=second] canvas').length") == 1
    assert browser.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert {url for url in urls if not url.startswith(("data:", "chrome:", "about:"))} == {page}
    assert display(browser, "[data-picture=first] > img") == "none"
    told = browser.execute_script(
        "const box = document.querySelector('[data-picture=first] .picture');"
        "return [box.getAttribute('role'), box.getAttribute('aria-label'), document.documentElement.scrollWidth <= innerWidth]"
    )
    assert told == ["img", "Picture first", True]


def test_pointing_at_a_mark_tells_its_method(browser: Any) -> None:
    from selenium.webdriver import ActionChains

    marks = browser.find_elements("css selector", "[data-picture=first] .mark-symbol path")
    assert len(marks) == 2 * len(METHODS)
    ActionChains(browser).move_to_element(marks[1]).perform()
    until(browser, "document.querySelector('#vg-tooltip-element.visible')")
    text = browser.find_element("id", "vg-tooltip-element").text
    assert all(word in text for word in ("KD <b>, VI", "kd_vi", "failed: rhat"))


def test_the_wheel_zooms(browser: Any) -> None:
    before = labels(browser)
    browser.execute_script(
        "const at = document.querySelector('[data-picture=first] .mark-symbol path'), box = at.getBoundingClientRect();"
        "const place = {clientX: box.x, clientY: box.y, bubbles: true, cancelable: true};"
        "at.dispatchEvent(new WheelEvent('wheel', {deltaY: -400, ...place}))"
    )
    for _ in range(50):
        if (after := labels(browser)) != before:
            break
        time.sleep(0.1)
    assert after != before and set(METHODS["kd_vi"][:1]) <= set(after)


def send(browser: Any, detail: str) -> None:
    browser.execute_script(f"document.dispatchEvent(new CustomEvent('mtbkd:filter', {{detail: {detail}}}))")


@pytest.mark.parametrize(
    ("detail", "left", "panels"),
    [
        ("{signals: new Set(['kd']), inferences: new Set(), methods: new Set(), metrics: new Set(), text: ''}", {"kd_vi"}, 2),
        ("{methods: new Set(['tip_x', 'labels_map']), text: 'mt-bkd'}", {"tip_x"}, 2),
        ("{text: 'no method is called so'}", set(METHODS), 2),
        ("{experiments: new Set(['two'])}", set(METHODS), 1),
    ],
)
def test_the_filter_leaves_out_rows_and_panels_and_gives_them_back(
    browser: Any, detail: str, left: set[str], panels: int
) -> None:
    send(browser, detail)
    expected = sorted(METHODS[method][0] for method in left for _ in range(panels))
    names = [title for title, _, _ in METHODS.values()]
    for _ in range(80):
        if (found := sorted(label for label in labels(browser) if label in names)) == expected:
            break
        time.sleep(0.1)
    assert found == expected
    send(browser, "{}")
    for _ in range(80):
        if (found := [label for label in labels(browser) if label in names]) and len(found) == 2 * len(names):
            break
        time.sleep(0.1)
    assert len(found) == 2 * len(names)


def test_the_static_picture_and_the_data_are_a_click_away(browser: Any, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    tools = {each.text: each for each in browser.find_elements("css selector", "[data-picture=first] .tools > *")}
    assert set(tools) == {"Static picture", "Data as CSV", "SVG", "PNG"}
    tools["Data as CSV"].click()
    for _ in range(100):
        if (found := tmp_path / "first.csv").exists() and found.stat().st_size:
            break
        time.sleep(0.1)
    with found.open(newline="", encoding="utf-8") as file:
        content = list(csv.DictReader(file))
    assert [(row["panel"], row["method"], float(row["mean"])) for row in content] == [
        (name, method, k + j) for k, name in enumerate(("one", "two")) for j, method in enumerate(METHODS)
    ]
    tools["Static picture"].click()
    assert (
        display(browser, "[data-picture=first] > img") != "none" and display(browser, "[data-picture=first] .picture") == "none"
    )


def test_pictures_follow_the_readers_theme(browser: Any) -> None:
    ink = "getComputedStyle(document.querySelector('[data-picture=first] .role-axis-label text')).fill"
    light = browser.execute_script(f"return {ink}")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": "dark"}]})
    until(browser, f"document.querySelector('[data-picture=first] .role-axis-label text') && {ink} !== '{light}'")


def test_print_has_the_static_picture(browser: Any) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    assert (
        display(browser, "[data-picture=first] > img") != "none" and display(browser, "[data-picture=first] .picture") == "none"
    )


def test_without_scripts_the_static_picture_stands(page: str, tmp_path: Path) -> None:
    driver = start(tmp_path, scripts=False)
    try:
        driver.get(page)
        assert all(each.is_displayed() for each in driver.find_elements("css selector", "figure > img"))
        assert [each.text for each in driver.find_elements("css selector", "[data-picture=first] .tools > *")] == ["SVG", "PNG"]
    finally:
        driver.quit()
