"""README.md and FORMATS.md say what the code says: their made parts are current."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs.generate import PAGES, PARTS, normalised, rewritten
from pipelines.cli.verbs import VERBS

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_made_from_the_code_is_current(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert rewritten(text) == text, "run 'make docs'"


def test_every_part_stands_in_one_page() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    assert sorted(re.findall(r"<!-- generated: ([\w-]+) -->", text)) == sorted(PARTS)
    assert sorted(re.findall(r"<!-- end of ([\w-]+) -->", text)) == sorted(PARTS)


def test_a_part_that_is_out_of_date_is_noticed() -> None:
    stale = "<!-- generated: date-labels -->\n\n| labels |\n\n<!-- end of date-labels -->\n"
    assert rewritten(stale) != stale
    assert rewritten(rewritten(stale)) == rewritten(stale)


def test_only_seconds_may_differ_in_a_transcript() -> None:
    assert normalised("split        0.00 s\n") == normalised("split       12.34 s\n")
    assert normalised("saves 94.3 %\n") != normalised("saves 94.4 %\n")


def test_every_verb_is_in_the_readme() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for verb in VERBS:
        assert f"\n### session-codec {verb}\n" in text


def test_every_verb_can_be_made() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (plain,) = re.findall(r"^VERBS := (.*)$", makefile, re.M)
    assert set(plain.split()) <= set(VERBS)
    for verb in VERBS:
        assert verb in plain.split() or re.search(rf"^{verb}:", makefile, re.M), verb


def test_what_the_readme_tells_to_make_can_be_made() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    told = set(re.findall(r"(?:^|`)make ([a-z-]+)", text, re.M))
    assert {"migrate", "test", "check", "bench", "docs"} <= told
    for target in told:
        assert re.search(rf"^{target}:|^VERBS := .*\b{target}\b", makefile, re.M), target


def test_every_link_to_a_file_leads_somewhere() -> None:
    for page in (*PAGES, ROOT / "CHANGELOG.md", ROOT / "fixtures" / "README.md"):
        text = page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
