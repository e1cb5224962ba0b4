"""The report of a real run in a real browser: offline, without errors, sortable, readable on a telephone, without scripts."""

import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workflow.conftest import Smoke

pytestmark = [pytest.mark.workflow, pytest.mark.browser]
CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if not (CHROMIUM and DRIVER):
    pytest.skip(
        "NO BROWSER: chromium and chromedriver are not installed (Debian: chromium, chromium-driver)", allow_module_level=True
    )
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP, TELEPHONE = (1280, 900), (390, 844)


def start(profile: Path, scripts: bool = True) -> Any:
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    return webdriver.Chrome(options=options, service=webdriver.ChromeService(str(DRIVER)))


@pytest.fixture(scope="module")
def page(smoke: Smoke) -> str:
    return (smoke.checkout.root / "results" / "smoke" / "report.html").as_uri()


@pytest.fixture(scope="module")
def browser(page: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    driver = start(tmp_path_factory.mktemp("profile"))
    driver.set_window_size(*DESKTOP)
    driver.get(page)
    yield driver
    driver.quit()


def test_it_loads_without_an_error_and_asks_nobody_for_anything(browser: Any, page: str) -> None:
    assert "mtbkd" in browser.title.lower() or "smoke" in browser.title.lower()
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    urls = {m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"}
    assert page in urls
    assert {url for url in urls if not url.startswith(("file:", "data:", "chrome:"))} == set()


def test_every_figure_is_seen_and_described(browser: Any) -> None:
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('img')].map(i => (i.loading = 'eager', i.scrollIntoView(), i))"
        ".map(i => [i.naturalWidth, i.clientWidth, i.clientHeight, i.alt.length])"
    )
    assert sizes
    assert all(min(size) > 0 for size in sizes), sizes


def test_a_click_on_a_header_sorts_the_table(browser: Any) -> None:
    script = """
    const read = (t, k) => [...t.tBodies[0].rows].map(r => r.cells[k] ? r.cells[k].innerText.trim() : '');
    const heads_of = t => [...t.tHead.rows[t.tHead.rows.length - 1].cells];
    const varying = t => heads_of(t).findIndex((_, i) => new Set(read(t, i)).size > 1);
    const tables = [...document.querySelectorAll('table')].filter(t => t.tHead && t.tBodies[0].rows.length > 2);
    const table = tables.find(t => varying(t) >= 0), heads = heads_of(table), k = varying(table);
    const before = read(table, k), target = heads[k].querySelector('button') || heads[k];
    target.click(); const once = read(table, k); target.click(); const twice = read(table, k);
    return [before, once, twice, heads[k].getAttribute('aria-sort')];
    """
    before, once, twice, state = browser.execute_script(script)
    assert once != twice and sorted(once) == sorted(twice) == sorted(before)
    assert state in ("ascending", "descending")


def test_verdict_cards_lead_to_their_evidence(browser: Any) -> None:
    cards = browser.execute_script(
        "return [...document.querySelectorAll('.cards a')].map(a => [a.innerText, a.getBoundingClientRect().top + scrollY,"
        " !!document.querySelector(a.getAttribute('href'))])"
    )
    assert cards and all(text and known for text, _, known in cards)
    assert max(top for _, top, _ in cards) < DESKTOP[1], "the verdicts are on the first screen"


def test_contents_stay_in_sight(browser: Any) -> None:
    browser.execute_script("document.documentElement.style.scrollBehavior = 'auto'; scrollTo(0, document.body.scrollHeight)")
    top, bottom = browser.execute_script(
        "const box = document.querySelector('#contents').getBoundingClientRect(); return [box.top, box.bottom]"
    )
    assert top >= -1 and bottom <= DESKTOP[1] and browser.execute_script("return scrollY") > 1000
    targets = browser.execute_script(
        "return [...document.querySelectorAll('#contents a')].map(a => !!document.querySelector(a.getAttribute('href')))"
    )
    assert targets and all(targets)


def test_a_table_can_be_taken_along_as_csv(browser: Any, tmp_path: Path) -> None:
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    name, rows = browser.execute_script(
        "const table = document.querySelector('#results table');"
        "[...table.caption.querySelectorAll('button')].find(b => b.innerText === 'CSV').click();"
        "return [table.caption.id, table.tBodies[0].rows.length]"
    )
    for _ in range(100):
        if (found := tmp_path / f"{name}.csv").exists() and found.stat().st_size:
            break
        time.sleep(0.1)
    with found.open(newline="", encoding="utf-8") as file:
        content = list(csv.reader(file))
    assert content[0][0] == "Method" and len(content) == rows + 1
    assert len({len(row) for row in content}) == 1


def test_a_telephone_scrolls_tables_but_not_the_page(browser: Any) -> None:
    browser.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": TELEPHONE[0], "height": TELEPHONE[1], "deviceScaleFactor": 2, "mobile": True},
    )
    widths = browser.execute_script("return [document.documentElement.scrollWidth, window.innerWidth]")
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    assert widths[0] <= widths[1]


def test_everything_is_there_without_scripts(page: str, tmp_path: Path) -> None:
    driver = start(tmp_path, scripts=False)
    try:
        driver.get(page)
        text = driver.find_element("tag name", "body").text
    finally:
        driver.quit()
    assert all(method in text for method in ("labels_map", "tip_entropy_sgld_tiny", "tip_entropy_nuts_tiny"))
