"""What the documents point at exists: tests by name, files by path, and the pages that they link to."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parent.parent
_PAGES: Final = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md"), *_ROOT.glob("deploy/*.md")])


def _tests() -> set[str]:
    return {name for path in _ROOT.glob("tests/**/*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}


def _links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            yield target


def test_every_test_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(test_\w+)`", (_ROOT / "docs" / "security.md").read_text(encoding="utf-8")))
    assert len(named) > 50
    assert named <= _tests()


def test_every_test_file_that_the_threat_model_names_exists() -> None:
    named = set(re.findall(r"`(tests/[\w/]+\.py)`", (_ROOT / "docs" / "security.md").read_text(encoding="utf-8")))
    assert {path for path in named if not (_ROOT / path).is_file()} == set()


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: str(page.relative_to(_ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    assert [target for target in _links(page) if not (page.parent / target).exists()] == []
