"""The cheap test before the scanner: it misses no planted form, and leaves usual notes alone."""

from __future__ import annotations

import pytest

from codec.secrets.hint import may_hold_secret
from tests.support.made_secrets import planted

USUAL = (
    "fix-login",
    "Move the session store to Postgres; 42 tests pass, coverage 81.5 %",
    "fix(auth): keep the token refresh in sync with parentSessionId, see 0f78cd1",
    "Reverted 4b0325a646ab41728fffb6fdbdf3e671aa00bb11 and bumped sonnet-4.5 to claude-opus-4-1",
    "PASS (deployed to https://app.internal:8443/v2/health)",
    "Renamed OnMessageAsync to HandleMessage2 in src/api/keyHandlers.ts (#1234)",
    "Co-authored-by: github-actions[bot] <41898282+github-actions[bot]@users.noreply.github.com>",
    "login page: passwords are hashed now, API keys rotate at 2025-11-06T14:30:00Z",
    "日本語の説明とパスワード",
    "Add urllib3proxy transport to init, HTTP2Connection and URLLib3Transport",
    "Fix default index for TaggedJSONSerializer.register()",
    "added jwt token for basic authentication; bearer token-based sign-in works",
    "Fix for Cloud Run --secret test; add basic CONTRIBUTING.md file",
    "clarify .netrc and auth= precedence",
)


@pytest.mark.parametrize("seed", range(7, 27))
def test_every_planted_form_is_passed_on_to_the_scanner(seed: int) -> None:
    assert [one.text for one in planted(seed) if not may_hold_secret(one.text)] == []


@pytest.mark.parametrize("text", USUAL)
def test_usual_tasks_and_notes_do_not_load_the_scanner(text: str) -> None:
    assert not may_hold_secret(text)


@pytest.mark.parametrize("piece", ["token: ", "a1B", "seed: word ", "mysql -", "key=a1 ", "://a:"])
def test_no_text_takes_more_steps_than_its_length_allows(piece: str) -> None:
    may_hold_secret(piece * (200_000 // len(piece)))
