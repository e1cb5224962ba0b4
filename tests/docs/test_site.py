"""The documentation builds without a warning, and holds what the repository has: every part, figure, command and setting."""

import os
import re
import subprocess
import sys
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

pytest.importorskip("sphinx", reason="NO SPHINX: the documentation was not built; make setup EXTRAS=docs")
pytest.importorskip("furo", reason="NO FURO: the documentation was not built; make setup EXTRAS=docs")

from mtbkd.base import registry
from mtbkd.serving.cli import MODULES
from mtbkd.study.models import Config, MethodEntry, Study
from mtbkd.study.study_files import read_configuration

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[2]
PAGES = {
    "dataset": "datasets", "encoder": "encoders", "teacher": "teachers", "student": "students", "signal": "signals",
    "weights": "weights", "operator": "operators", "inference": "inference", "question": "questions",
}  # fmt: skip


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site, with the picture of one figure of one run; notebooks are run by tests/test_notebooks.py."""
    folder = tmp_path_factory.mktemp("site")
    drawn = folder / "results" / "smoke" / "figures"
    drawn.mkdir(parents=True)
    (drawn / "sim1-metrics.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    command = [sys.executable, "-m", "sphinx", "-b", "html", "-n", "-W", "--keep-going", "-q", "docs", str(folder / "html")]
    environment = {**os.environ, "MTBKD_DOCS_NOTEBOOKS": "off", "MTBKD_DOCS_RESULTS": str(folder / "results")}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    return folder / "html"


def text(site: Path, page: str) -> str:
    return (site / page).read_text(encoding="utf-8")


def words(html: str) -> str:
    """What a reader sees, on one line."""
    return " ".join(unescape(re.sub(r"<[^>]+>", "", html)).split())


def plain(docstring: str) -> str:
    """What the repository says, as ``words`` would read it."""
    return " ".join(docstring.replace("`", "").split())


def ids(html: str) -> set[str]:
    return set(re.findall(r'\bid="([^"]+)"', html))


@pytest.mark.parametrize("kind", registry.KINDS)
def test_every_registered_part_is_on_the_page_of_its_kind_with_all_settings(site: Path, kind: str) -> None:
    page = text(site, f"reference/{PAGES[kind]}.html")
    shown = words(page)
    for name, module in registry.KINDS[kind].items():
        assert f"{kind}-{name.replace('_', '-')}" in ids(page), name
        assert f"{module.split('.')[-1]}.py" in page, name
        for field, info in registry.part(kind, name).Settings.model_fields.items():
            assert f">{info.alias or field}<" in page, (name, field)
            assert plain(info.description or "") in shown, (name, field)


def test_every_figure_is_in_the_gallery_with_its_caption_and_command(site: Path) -> None:
    page = text(site, "gallery.html")
    shown = words(page)
    for name in registry.FIGURES:
        part = registry.figure(name)
        assert f"figure-{name.replace('_', '-')}" in ids(page), name
        assert part.TITLE in shown and plain(part.CAPTION) in shown, name
        assert re.search(rf"snakemake --cores all results/(\w+)/figures/(\w+-)?{name}\.svg --config study=\1", shown), name


def test_a_picture_of_a_run_is_in_the_gallery_with_the_command_of_that_run(site: Path) -> None:
    page = text(site, "gallery.html")
    assert "_images/sim1-metrics.svg" in page
    assert "results/smoke/figures/sim1-metrics.svg --config study=smoke" in words(page)
    assert (site / "_images" / "sim1-metrics.svg").is_file()


def test_every_command_and_setting_is_documented(site: Path) -> None:
    commands = text(site, "reference/commands.html")
    assert {f"command-{name}" for name in MODULES} <= ids(commands)
    assert unescape(commands).count("usage:".title()) >= len(MODULES)
    page = text(site, "reference/configuration.html")
    for model in (Config, Study, MethodEntry):
        for field, info in model.model_fields.items():
            assert f">{field}<" in page and plain(info.description or "") in words(page), field


def test_every_method_and_study_is_listed(site: Path) -> None:
    known = read_configuration()
    for section, page in (("methods", "reference/methods.html"), ("studies", "guide/studies.html")):
        shown = text(site, page)
        assert [name for name in known[section] if f">{name}<" not in shown] == []


def test_formulas_are_in_the_pages_and_need_no_script(site: Path) -> None:
    pages = [path.read_text(encoding="utf-8") for path in site.rglob("*.html")]
    assert sum(page.count("<math ") for page in pages) > 50
    assert not any(re.search(r"(?:src|href)=\"(?:https?:)?//[^\"]*\.(?:js|css)", page) for page in pages)


def test_every_link_inside_the_site_leads_somewhere(site: Path) -> None:
    pages = {path: path.read_text(encoding="utf-8") for path in site.rglob("*.html")}
    anchors = {path: ids(page) for path, page in pages.items()}
    seen = 0
    for path, page in pages.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', page):
            if re.match(r"[a-z]+:|//|#$", link):
                continue
            place, _, anchor = unquote(unescape(link)).partition("#")
            target = (path.parent / place.partition("?")[0]).resolve() if place else path
            assert target.exists(), f"{path.relative_to(site)}: {link}"
            if anchor and target in anchors:
                assert anchor in anchors[target], f"{path.relative_to(site)}: {link}"
                seen += 1
    assert seen > 500
