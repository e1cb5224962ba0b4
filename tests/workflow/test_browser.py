"""The report of a real run in a real browser: offline, without errors, sortable, readable on a telephone, without scripts."""

import csv
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.report.sentences import dense, of_page
from tests.report.test_opening import shown
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


def test_no_sentence_has_more_than_two_numbers(smoke: Smoke) -> None:
    told = of_page((smoke.checkout.root / "results" / "smoke" / "report.html").read_text(encoding="utf-8"))
    assert len(told) > 10 and dense(told) == []


def test_every_figure_is_seen_and_described(browser: Any) -> None:
    sizes = browser.execute_script(
        "return [...document.querySelectorAll('img')].map(i => (i.loading = 'eager', i.scrollIntoView(), i))"
        ".filter(i => i.checkVisibility())"  # an interactive picture stands in the place of the others
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
    places = browser.execute_script(
        "return [...document.querySelectorAll('#contents ul a')].map("
        "a => document.querySelector(a.getAttribute('href')).getBoundingClientRect().top)"
    )
    assert places == sorted(places), "contents follow the page"


def test_a_method_opens_its_card_which_escape_closes_and_whose_settings_can_be_copied(browser: Any) -> None:
    from selenium.webdriver.common.by import By
    from selenium.webdriver.common.keys import Keys

    link = browser.find_element(By.CSS_SELECTOR, "#results a.method")
    link.send_keys(Keys.ENTER)
    card = browser.find_element(By.CSS_SELECTOR, "dialog[open]")
    assert link.text in card.text and "log \u03c0(\u03b8 | D)" in card.text
    card.find_element(By.CSS_SELECTOR, "details > summary").click()
    shown = card.find_element(By.CSS_SELECTOR, "pre.settings").get_property("textContent")
    copied = (
        "const kept = []; navigator.clipboard.writeText = (text) => (kept.push(text), Promise.resolve()); window.kept = kept;"
    )
    browser.execute_script(copied)
    card.find_element(By.XPATH, ".//button[text()='Copy']").click()
    assert browser.execute_script("return window.kept") == [shown] and shown.startswith("methods:")
    browser.switch_to.active_element.send_keys(Keys.ESCAPE)
    assert not browser.find_elements(By.CSS_SELECTOR, "dialog[open]")
    assert browser.switch_to.active_element == link


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
    assert "Accuracy" in content[0][2] and "?" not in "".join(content[0]), "explanations are not part of a heading"
    assert len({len(row) for row in content}) == 1


@pytest.mark.parametrize("colours", ["light", "dark"])
@pytest.mark.parametrize("which", ["of a study", "of a question"])
def test_axe_finds_nothing_serious(browser: Any, page: str, tmp_path: Path, which: str, colours: str) -> None:
    from axe_core_python.selenium import Axe

    question = tmp_path / "question.html"
    question.write_text(shown(["It pays."]), encoding="utf-8")
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": colours}]})
    browser.get(page if which == "of a study" else question.as_uri())
    browser.set_script_timeout(120)
    browser.execute_script("document.querySelectorAll('details').forEach(d => d.open = true)")
    found = Axe().run(browser, options={"resultTypes": ["violations"]})
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    browser.get(page)
    assert len(found["passes"]) > 10
    bad = [(v["id"], v["nodes"][0]["html"]) for v in found["violations"] if v["impact"] in ("serious", "critical")]
    assert bad == []


def test_a_filter_acts_on_rows_columns_experiments_downloads_and_pictures(browser: Any, page: str) -> None:
    browser.get(page)
    before, signal, found = browser.execute_script("""
    const form = document.querySelector('#filter'), box = form.querySelector('fieldset[data-kind=signal] input[value=tip]');
    const rows = () => [...document.querySelectorAll('#results table tr[data-signal]')].filter(r => r.offsetParent !== null);
    document.querySelectorAll('#results details').forEach(d => d.open = true);
    const before = rows().map(r => r.dataset.signal);
    document.addEventListener('mtbkd:filter', e => window.heard = e.detail, { once: true });
    box.click();
    return [before, rows().map(r => r.dataset.signal),
      { heard: [...window.heard.signals], kinds: Object.keys(window.heard), search: location.search,
        csv: written(document.querySelector('#results table'), ',') }];
    """)
    assert {"none", "tip"} <= set(before) and set(signal) == {"tip"}
    assert found["heard"] == ["tip"] and {"signals", "inferences", "methods", "metrics", "text"} <= set(found["kinds"])
    assert found["search"] == "?signal=tip" and "labels_map" not in found["csv"] and "tip_entropy" in found["csv"]
    columns = browser.execute_script("""
    const form = document.querySelector('#filter');
    form.querySelector('fieldset[data-kind=metric] input[value=nll]').click();
    const heads = [...document.querySelectorAll('#results table th[data-metric]')].filter(h => h.offsetParent !== null);
    const table = document.querySelector('#results table');
    const lines = written(table, ',').trim().split('\\n');
    const width = row => [...row.cells].filter(c => !c.hidden).reduce((n, c) => n + c.colSpan, 0);
    return [heads.map(h => h.dataset.metric), lines[0], [...table.rows].filter(r => !r.hidden).map(width)];
    """)
    assert set(columns[0]) == {"nll"} and "Accuracy" not in columns[1] and "NLL" in columns[1]
    assert len(set(columns[2])) == 1, "headings above groups of columns span what is left"
    browser.refresh()
    again = browser.execute_script(
        "return [...document.querySelectorAll('#results table tr[data-signal]')].filter(r => !r.hidden)"
        ".map(r => r.dataset.signal)"
    )
    assert again and set(again) == {"tip"}, "the address keeps the choice"
    left = browser.execute_script(
        "const form = document.querySelector('#filter'); form.reset(); form.elements.text.value = 'no such method';"
        "form.dispatchEvent(new Event('input'));"
        "return [...document.querySelectorAll('.scroll tbody tr')].filter(r => !r.hidden).length"
    )
    assert left == 0 and "0 of" in browser.execute_script("return document.querySelector('#filter .told').textContent")
    browser.get(page)


def test_words_are_explained_by_keyboard_and_on_hover(browser: Any, page: str) -> None:
    from selenium.webdriver import ActionChains, Keys

    browser.get(page)
    opened = "return [...document.querySelectorAll(':popover-open')].map(t => t.id)"
    word = browser.find_element("css selector", "main button.term")
    browser.execute_script(
        "document.documentElement.style.scrollBehavior = 'auto'; arguments[0].scrollIntoView({block: 'center'})", word
    )
    name = word.get_attribute("popovertarget")
    time.sleep(0.3)
    word.send_keys(Keys.ENTER)
    assert browser.execute_script(opened) == [name]
    link = browser.execute_script("return document.querySelector(':popover-open a').getAttribute('href')")
    assert link.startswith("#term-") and browser.execute_script("return !!document.querySelector(arguments[0])", link)
    word.send_keys(Keys.ESCAPE)
    assert browser.execute_script(opened) == []
    ActionChains(browser).move_to_element(word).perform()
    time.sleep(0.6)
    assert browser.execute_script(opened) == [name]
    box = browser.execute_script(
        "const r = document.querySelector(':popover-open').getBoundingClientRect(); return [r.left, r.right]"
    )
    assert box[0] >= 0 and box[1] <= DESKTOP[0]
    browser.get(page)


def test_every_heading_table_and_figure_links_to_itself_and_folded_ones_open(browser: Any, page: str) -> None:
    links = browser.execute_script(
        "return [...document.querySelectorAll('.permalink')].map(a => [a.getAttribute('href'), a.tabIndex,"
        " !!document.getElementById(a.getAttribute('href').slice(1))])"
    )
    tables, figures = browser.execute_script(
        "return [document.querySelectorAll('.scroll caption').length, document.querySelectorAll('figure').length]"
    )
    assert len(links) > tables + figures and all(there and tab == 0 for _, tab, there in links)
    folded = browser.execute_script("return document.querySelector('details .scroll caption').id")
    browser.get(f"{page}#{folded}")
    assert browser.execute_script("return document.getElementById(arguments[0]).closest('details').open", folded)
    browser.get(page)


def test_contents_mark_the_section_being_read(browser: Any, page: str) -> None:
    browser.get(page)
    browser.execute_script(
        "document.documentElement.style.scrollBehavior = 'auto'; document.querySelector('#tuning').scrollIntoView()"
    )
    time.sleep(0.5)
    assert browser.execute_script("return [...document.querySelectorAll('[aria-current]')].map(a => a.hash)") == ["#tuning"]


def test_print_has_no_tools_and_everything_else(browser: Any, page: str) -> None:
    browser.get(page)
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    seen = browser.execute_script(
        "const seen = s => [...document.querySelectorAll(s)].filter(e => e.offsetParent !== null).length;"
        "const tools = '#contents, #filter, .tools, .hint, .permalink, .skip, .back';"
        "return [seen(tools), seen('.cards li'), seen('#results table')]"
    )
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert seen[0] == 0 and seen[1] and seen[2]


def test_experiments_have_one_order_in_all_sections(browser: Any) -> None:
    orders = browser.execute_script(
        "return [...document.querySelectorAll('main > section')].map(s => [...s.querySelectorAll('[data-experiment]')]"
        ".map(e => e.dataset.experiment))"
    )
    whole = orders[[len(set(each)) for each in orders].index(max(len(set(each)) for each in orders))]
    order = list(dict.fromkeys(whole))
    for own in orders:
        found = list(dict.fromkeys(own))
        assert found == [name for name in order if name in found]


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
    assert "Show all" not in text, "no filter without scripts"
    assert all(method in text for method in ("labels_map", "tip_entropy_sgld_tiny", "tip_entropy_nuts_tiny"))
