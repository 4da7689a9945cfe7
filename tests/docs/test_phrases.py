"""Phrases that a reader has to decode are found in pages, docstrings, comments and strings."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs.phrases import CHECKED, find
from docs.site import ROOT


def phrases(path: Path, text: str) -> list[tuple[int, str]]:
    path.write_text(text, encoding="utf-8")
    return [(f.line, f.phrase) for f in find([path])]


@pytest.mark.parametrize("name", CHECKED)
def test_a_checked_file_has_no_phrase_to_decode(name: str) -> None:
    assert [str(f) for f in find([ROOT / name])] == []


def test_a_phrase_is_found_over_the_end_of_a_line(tmp_path: Path) -> None:
    assert phrases(tmp_path / "a.md", "x\n\nA key is\nno name.\n") == [(3, "key is no name")]
    found = phrases(tmp_path / "a.py", "# What is wrong\n# with it.\n")
    assert found == [(1, "What is wrong # with")]


def test_ordinary_negation_is_not_a_phrase(tmp_path: Path) -> None:
    text = "It is no longer here. There is no remote. It is no more than 5.\n"
    assert phrases(tmp_path / "a.md", text) == []


def test_quoted_and_generated_text_of_a_page_is_not_searched(tmp_path: Path) -> None:
    text = (
        "`is none`\n\n```text\nis none\n```\n\n<!-- generated: a -->\nis none\n<!-- end of a -->\n"
        "\n<!-- is none -->\n"
    )
    assert phrases(tmp_path / "a.md", text) == []


def test_names_in_python_are_not_searched(tmp_path: Path) -> None:
    text = 'clash = 1\nmend(clash)\n"""It is none."""\nraise E(f"{clash} is none")\n'
    assert phrases(tmp_path / "a.py", text) == [(3, "is none"), (4, "is none")]
