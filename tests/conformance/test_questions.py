"""Every question: what it promises the workflow and the report."""

import re

import pytest

from mtbkd.base import registry
from mtbkd.base.explain import NAME
from mtbkd.data.raw_files import raw_files
from tests.conformance.examples import names, small

NEEDED = {"dataset", "teachers", "student", "draws"}


@pytest.mark.parametrize("kind", names("question"))
def test_it_names_what_it_needs_and_writes(kind: str) -> None:
    module = registry.part("question", kind)
    assert module.NEEDS <= NEEDED
    assert module.TABLES and len(set(module.TABLES)) == len(module.TABLES)
    assert all(re.fullmatch(NAME, table) for table in module.TABLES)


@pytest.mark.parametrize("kind", names("question"))
def test_its_raw_files_are_known(kind: str) -> None:
    module = registry.part("question", kind)
    assert set(module.raw_files(small(module)) if hasattr(module, "raw_files") else ()) <= set(raw_files())


@pytest.mark.parametrize("kind", names("question"))
def test_the_report_speaks_of_it(kind: str) -> None:
    module = registry.section(kind)
    assert module.TITLE and module.EXPLAINED.strip().endswith(".") and callable(module.section)
