"""What the documents point at exists: tests by name, files by path, and the pages that they link to."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).parent.parent
_PROTOCOL: Final = _ROOT / "docs" / "protocol.md"
_PAGES: Final = sorted([*_ROOT.glob("*.md"), *_ROOT.glob("docs/*.md"), *_ROOT.glob("deploy/*.md")])


def _tests() -> set[str]:
    return {name for path in _ROOT.glob("tests/**/*.py") for name in re.findall(r"def (test_\w+)", path.read_text())}


def _links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8")):
        if "://" not in target:
            yield target


_PACKAGES: Final = ("broker", "common", "config", "launcher", "provider", "smgw", "tests")
_QUOTED: Final = r'docs/protocol\.md, ("[^"]+"(?:(?:,|,? and) "[^"]+")*)'
"""Sections of the protocol as docstrings and printed texts name them: one in quotation marks, or several."""


def _quoted_sections(path: Path) -> Iterator[str]:
    """The sections that the strings of a file name; a name may be broken between two lines."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for names in re.findall(_QUOTED, " ".join(node.value.split())):
                yield from re.findall(r'"([^"]+)"', names)


def _headings(page: Path) -> set[str]:
    return set(re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE))


def test_every_section_of_the_protocol_that_the_code_names_exists() -> None:
    files = [path for package in _PACKAGES for path in (_ROOT / package).glob("**/*.py")]
    named = [(str(path.relative_to(_ROOT)), name) for path in files for name in _quoted_sections(path)]
    assert len(named) > 100
    headings = _headings(_PROTOCOL)
    assert [(path, name) for path, name in named if name not in headings] == []


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
