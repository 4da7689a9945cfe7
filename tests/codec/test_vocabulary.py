"""What agents and statuses are called, however a log or a person writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.names import UNNAMED
from codec.records import STATUSES
from codec.vocabulary import STATUS_WORDS, agent_of, status_of

# Status


@pytest.mark.parametrize(
    ("text", "status", "remark"),
    [
        ("PASS", "PASS", ""),
        ("PASS (deployed)", "PASS", "deployed"),
        ("PASS (deployed 🎉)", "PASS", "deployed 🎉"),
        ("PASS ✅", "PASS", ""),
        ("✅ PASS", "PASS", ""),
        ("✅", "PASS", ""),
        ("✅ Success", "PASS", ""),
        ("✅ Success - all green", "PASS", "all green"),
        ("✅ Partial", "PASS", "Partial"),
        ("**COMPLETED**", "PASS", ""),
        ("Completed - all green", "PASS", "all green"),
        ("PASS (a) and (b)", "PASS", "(a) and (b)"),
        ("FAIL (build broken on CI)", "FAIL", "build broken on CI"),
        ("❌ Tests red", "FAIL", "Tests red"),
        ("PARTIAL (2 of 3 sub-tasks)", "PARTIAL", "2 of 3 sub-tasks"),
        ("In progress", "PARTIAL", ""),
        ("IN_PROGRESS: half", "PARTIAL", "half"),
        ("⏳ in-progress", "PARTIAL", ""),
        ("⚠️ flaky", "PARTIAL", "flaky"),
        ("exit_code: 0", "PASS", ""),
        ("exit_code: 00", "PASS", ""),
        ("exit_code: 1", "FAIL", "exit_code: 1"),
        ("exit_code: -11 (killed)", "FAIL", "exit_code: -11 (killed)"),
        (f"exit_code: {'9' * 5000}", "FAIL", f"exit_code: {'9' * 5000}"),
        ("", "UNKNOWN", ""),
        ("PASS|FAIL|PARTIAL", "UNKNOWN", "PASS|FAIL|PARTIAL"),
        ("PASS / FAIL", "UNKNOWN", "PASS / FAIL"),
        ("Not complete", "UNKNOWN", "Not complete"),
        ("Removed the passing tests", "UNKNOWN", "Removed the passing tests"),
        ("17/17", "UNKNOWN", "17/17"),
        ("???", "UNKNOWN", "???"),
    ],
)
def test_a_status_is_one_of_four_words_and_the_rest_is_its_remark(
    text: str, status: str, remark: str
) -> None:
    assert status_of(text) == (status, remark)


@pytest.mark.parametrize("word", STATUS_WORDS)
def test_every_published_word_has_its_published_meaning(word: str) -> None:
    for text in (word, word.upper(), f"**{word}**", f"{word} (x)"):
        assert status_of(text)[0] == STATUS_WORDS[word]


@pytest.mark.parametrize("text", ["✅ " * 5000, "PASS " * 5000, "(" * 5000, "*" * 5000])
def test_a_status_that_goes_on_and_on_is_read_in_one_go(text: str) -> None:
    assert status_of(text)[0] in ("PASS", "UNKNOWN")


@given(st.text())
def test_any_status_gives_a_known_word_and_a_remark_of_one_line(text: str) -> None:
    status, remark = status_of(text)
    assert status in STATUSES
    assert len(remark.splitlines()) <= 1


# Agents


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("claude-sonnet-4-5", "sonnet-4.5"),
        ("claude-sonnet-4-5-20250929", "sonnet-4.5"),
        ("claude-opus-4-1", "opus-4.1"),
        ("claude-sonnet-4", "sonnet-4"),
        ("claude-sonnet-4-20250514", "sonnet-4"),
        ("claude-haiku-4-5-latest", "haiku-4.5"),
        ("claude-3-5-sonnet-20241022", "sonnet-3.5"),
        ("claude-3-opus-latest", "opus-3"),
        ("Claude Code (Sonnet 4.5)", "sonnet-4.5"),
        ("Claude Code (Claude Opus 4.1)", "opus-4.1"),
        ("Claude Opus 4", "opus-4"),
        ("Claude Sonnet 4.5", "sonnet-4.5"),
        ("human", "human"),
        ("gpt-5-codex", "gpt-5-codex"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        ("Codex (GPT-5.2-Codex)", "Codex-GPT-5.2-Codex"),
        ("Claude Code", "Claude-Code"),
        ("Diego (manual) with Claude Code support", "Diego-manual-with-Claude-Code-support"),
        ("", UNNAMED),
    ],
)
def test_an_agent_has_its_short_name(text: str, name: str) -> None:
    assert agent_of(text, {}) == name


@pytest.mark.parametrize("alias", ["Codex (GPT-5.2-Codex)", "Codex-GPT-5.2-Codex"])
def test_an_alias_is_found_by_the_name_as_written_or_as_mapped(alias: str) -> None:
    assert agent_of(" Codex (GPT-5.2-Codex) ", {alias: "my codex"}) == "my-codex"
