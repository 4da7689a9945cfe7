"""The generated parts of the documents are current, and what documents name exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import PAGES, PARTS, ROOT, normalised, rewritten
from pipelines.cli.verbs import VERBS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_generated_parts_are_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert rewritten(text) == text, "run 'make docs'"


def test_every_part_is_in_one_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sorted(re.findall(r"<!-- generated: ([\w-]+) -->", text)) == sorted(PARTS)
    assert sorted(re.findall(r"<!-- end of ([\w-]+) -->", text)) == sorted(PARTS)


def test_a_stale_part_is_rewritten() -> None:
    stale = "<!-- generated: date-labels -->\n\n| labels |\n\n<!-- end of date-labels -->\n"
    assert rewritten(stale) != stale
    assert rewritten(rewritten(stale)) == rewritten(stale)


def test_only_seconds_may_differ_in_a_transcript() -> None:
    assert normalised("split        0.00 s\n") == normalised("split       12.34 s\n")
    assert normalised("saves 94.3 %\n") != normalised("saves 94.4 %\n")


def test_every_verb_and_sub_verb_has_its_help() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    for verb in (*VERBS, "archive pack", "archive ls", "archive extract"):
        assert f"\n### session-codec {verb}\n" in text


def test_every_verb_can_be_made() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (plain,) = re.findall(r"^VERBS := (.*)$", makefile, re.M)
    assert set(plain.split()) <= set(VERBS)
    for verb in set(VERBS) - {"completion", "mcp"}:  # these serve a shell and an agent
        assert verb in plain.split() or re.search(rf"^{verb}:", makefile, re.M), verb


def test_every_target_that_a_page_names_can_be_made() -> None:
    names = ("README.md", "CONTRIBUTING.md")
    text = "".join((ROOT / name).read_text(encoding="utf-8") for name in names)
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M))
    assert {"migrate", "test", "check", "bench", "docs", "site"} <= named
    for target in named:
        assert re.search(rf"^{target}:|^VERBS := .*\b{target}\b", makefile, re.M), target
