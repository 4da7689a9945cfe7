"""A claim passes with its sources, and with one invented thing in it, it is dropped."""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codec.kinds import Key
from codec.records import Metrics, Session
from codec.summaries.claims import Claim, Fault, check_claims, fault_of

LOGIN: Final = Key("2025-11-06T14:30:00Z")
CACHE: Final = Key("2025-11-20")
SESSIONS: Final = {
    s.key: s
    for s in (
        Session(
            LOGIN, LOGIN, "claude-sonnet-4-5", "fix-login", "PASS",
            title="Fix the login of Postgres users",
            notes='Retry twice; Ada said "keep one writer". 12 tests, see src/auth.py and #1046. '
            "84% covered. Ready since 2025-10-01 17:45.",
            metrics=Metrics(847, 12, 11, 30, None),
        ),
        Session(
            CACHE, CACHE, "gpt-5-codex", "revert-cache", "FAIL",
            title="Revert the cache", notes="Rolled back v2.1 after 3 outages.",
            metrics=Metrics(0, 211, 1, None, None),
        ),
    )
}  # fmt: skip
FIGURES: Final = {
    Decimal(57): frozenset({"session", "sessions"}),
    Decimal(6): frozenset({"failed", "failing"}),
    Decimal("89.5"): frozenset({"%"}),
}

HONEST: Final = (
    "The login of Postgres users was fixed, with 12 tests.",
    'Ada said "keep one writer".',
    "11 commits added 847 lines in 30 minutes.",
    "On 6 November the login was repaired; src/auth.py has the change (#1046).",
    "Twelve tests were added, and 84% is covered.",
    "claude-sonnet-4-5 fixed the login for Postgres, which retries twice.",
    "One session fixed the login in Q4 2025.",
    "An 847-line change of 2025-11-06 repaired the login.",
    "Of 57 sessions 6 failed, and 89.5% passed; this one repaired the login.",
)


@pytest.mark.parametrize("text", HONEST)
def test_an_honest_claim_passes(text: str) -> None:
    assert fault_of(Claim(text, (LOGIN,)), SESSIONS, FIGURES) is None


def test_a_claim_may_draw_on_several_sessions() -> None:
    text = "Two sessions fixed the login and rolled back v2.1 of the cache, removing 223 lines."
    assert fault_of(Claim(text, (LOGIN, CACHE)), SESSIONS, FIGURES) is None
    assert fault_of(Claim(text, (LOGIN,)), SESSIONS, FIGURES) is not None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("13 tests were added.", "number"),
        ("Fifteen tests were added.", "number"),
        ("2025 lines changed.", "number"),
        ("14 tests failed.", "number"),
        ("The change took 30k tokens.", "number"),
        ("12% is covered.", "number"),
        ("57 outages happened.", "number"),
        ("Two outages happened.", "number"),
        ("Dozens of tests were added.", "number"),
        ("９９ tests were added.", "number"),
        ("It closed #104.", "number"),
        ("It was released as v3.", "number"),
        ("It cost $12.", "number"),
        ("Bob repaired the login.", "name"),
        ("The login was repaired by Bob.", "name"),
        ("It was moved to MySQL.", "name"),
        ("See src/login.py for it.", "name"),
        ("The auth-revamp was completed.", "name"),
        ("It calls retry_all now.", "name"),
        ("登录已修复 by this.", "name"),
        ("On 7 November the login was repaired.", "date"),
        ("In December the login was repaired.", "date"),
        ("On Monday the login was repaired.", "date"),
        ("Last week the login broke.", "date"),
        ("It was repaired at 14:30.", "date"),
        ("It was repaired on 2025-11-07.", "date"),
        ("It was repaired in Q3.", "date"),
        ("November 2024 saw it repaired.", "date"),
        ('Ada said "keep two writers".', "quotation"),
        ("Ada said “never do it”.", "quotation"),
        ("Ada said 'never do it'.", "quotation"),
        ("It calls `foo`.", "quotation"),
        ('Ada said "keep one writer', "quotation"),
        ("", "text"),
        ("x" * 500, "text"),
    ],
)
def test_a_claim_with_something_invented_is_dropped(text: str, fault: Fault) -> None:
    found = fault_of(Claim(text, (LOGIN,)), SESSIONS, FIGURES)
    assert found is not None
    assert found[0] == fault


def test_names_and_quotations_of_other_sessions_are_not_sources() -> None:
    for text in ("The login of Postgres users was fixed.", 'Ada said "keep one writer".'):
        assert fault_of(Claim(text, (CACHE,)), SESSIONS, FIGURES) is not None


def test_a_claim_without_known_keys_is_dropped() -> None:
    for keys in ((), (Key("2025-11-06"),), (LOGIN, Key("2025-08-01T00:00:00Z"))):
        assert (fault_of(Claim("It works.", keys), SESSIONS, FIGURES) or "")[0] == "key"


def _number(pick: random.Random) -> tuple[str, tuple[Key, ...]]:
    number = pick.randint(100, 99_999)
    forms = (f"{number:,} lines", f"{number} tests", f"{number / 10:.1f}%", f"{number}k tokens")
    return f"The login was fixed with {pick.choice(forms)}.", (LOGIN,)


def _key(pick: random.Random) -> tuple[str, tuple[Key, ...]]:
    key = f"2025-11-{pick.randint(1, 28):02d}T{pick.randint(0, 23):02d}:00:01Z"
    return "The login was fixed.", (Key(key),)


def _key_of_another_period(pick: random.Random) -> tuple[str, tuple[Key, ...]]:
    return "The login was fixed.", (LOGIN, Key(f"2024-{pick.randint(1, 12):02d}-03T10:00:00Z"))


def _name(pick: random.Random) -> tuple[str, tuple[Key, ...]]:
    syllables = ("zor", "bel", "kri", "mat", "ulo", "fen", "dax")
    name = "".join(pick.choices(syllables, k=pick.randint(2, 3))).capitalize()
    forms = (
        f"{name} fixed the login.",
        f"The login was fixed by {name}.",
        f"The login uses {name}.",
    )
    return pick.choice(forms), (LOGIN,)


def _date(pick: random.Random) -> tuple[str, tuple[Key, ...]]:
    month = pick.choice(("January", "February", "April", "June", "July", "August", "October"))
    forms = (f"{pick.randint(1, 28)} {month}", f"{month} {pick.randint(1, 28)}, 2025", month)
    return f"The login was fixed in {pick.choice(forms)}.", (LOGIN,)


def _quotation(pick: random.Random) -> tuple[str, tuple[Key, ...]]:
    words = pick.sample(("always", "retry", "never", "ship", "users", "cache", "first"), 3)
    opening, closing = pick.choice(('""', "“”", "''", "‘’", "«»", "``"))
    return f"Ada said {opening}{' '.join(words)}{closing}.", (LOGIN,)


LIES: Final[tuple[Callable[[random.Random], tuple[str, tuple[Key, ...]]], ...]] = (
    _number, _key, _key_of_another_period, _name, _date, _quotation,
)  # fmt: skip


@pytest.mark.parametrize("seed", range(5))
def test_sixty_lies_drawn_at_random_are_each_dropped(seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311 - lies of a test, not a secret
    lies = [Claim(*pick.choice(LIES)(pick)) for _ in range(60)]
    honest = [Claim(text, (LOGIN,)) for text in HONEST]
    mixed = pick.sample([*lies, *honest], len(lies) + len(honest))
    result = check_claims(mixed, SESSIONS, FIGURES)
    assert {c.text for c in result.kept} == set(HONEST)
    assert len(result.dropped) == 60


PIECES: Final = (
    "'", "a'", "one ", "1-", "*a", "in ", "__a ", "twenty-", "“", "said: ", "1,000", "月", "年",
    "mid-", "2nd ", "on the ", "by ", "Bob ", "zwei", "\u200b", "``", "> ", "Q1 ", "last ", "week ",
    "/", "()", "-1 ", "per cent ", "3 times ", "0", "²", "٣", "\ud800", "$", ".",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=60))
def test_any_text_passes_or_has_a_fault(parts: list[str]) -> None:
    claim = Claim("".join(parts), (LOGIN,))
    result = check_claims([claim], SESSIONS, FIGURES)
    assert len(result.kept) + len(result.dropped) == 1
