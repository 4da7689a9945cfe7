"""Invented keys, numbers, names, dates and quotations are dropped in whatever form they come.

Each kind is drawn at random in many forms, with values that no cited session has. The honest claims
use the same forms with the values of the session; the share of them that is dropped is printed.
"""

from __future__ import annotations

import random
import sys
from typing import Final

import pytest

from codec.kinds import Key
from codec.summaries.claims import Claim, Fault, check_claims, fault_of
from codec.summaries.word_lists import words_of
from tests.codec.summaries.test_claims import FIGURES, HONEST, LOGIN, SESSIONS

Lie = tuple[str, tuple[Key, ...]]

_ENGLISH: Final = words_of(
    "thirteen fourteen fifteen sixteen seventeen nineteen twenty forty ninety"
)
_OTHER: Final = words_of(
    "dreizehn zwanzig einundzwanzig vierzehn neunzig treize quinze vingt trece catorce veinte"
    " tredici dertien 十三 二十 ১৩ १३ ٣"
)
_SYLLABLES: Final = ("zor", "bel", "kri", "mat", "ulo", "fen", "dax")
_MONTHS: Final = words_of(
    "January February March April June July August September October December März Dezember"
    " janvier février enero"
)
_DAYS: Final = words_of("Monday Tuesday Wednesday Friday Dienstag mardi Tue Sat Sunday")
_QUOTES: Final = (
    '""', "“”", "„“", "«»", "»«", "「」", "『』", "''", "‘’", "‚‘", "‹›", "``", "❝❞", "《》", "´´",
    "＂＂", "**", "__",
)  # fmt: skip


def _number(pick: random.Random) -> str:
    n = pick.randint(100, 99_999)
    word = pick.choice(_ENGLISH)
    return pick.choice(
        (
            f"{n:,} tests", f"{n} tests", f"{n:_} tests".replace("_", " "), f"{n}.5 tests",
            f"{n:,} tests".replace(",", "."), f"{n:,} tests".replace(",", "’"), f"{n}+ tests",
            f"{n:,} tests".translate(_FULL_WIDTH), f"~{n} tests", f"{n}-{n + 3} tests",
            f"from {n} to {n + 2} tests", f"{str(n)[0]}\u200b{str(n)[1:]} tests", f"-{n} tests",
            f"{n / 10:.1f}%", f"{n % 83} per cent coverage", f"{n % 83} percentage points",
            f"{n}k tokens", f"{n}e3 tokens", f"{n} million tokens", f"${n}", f"{n} USD", f"€{n}",
            f"{word} tests", f"{word} more tests", f"{pick.choice(_OTHER)} tests", f"the {n}th try",
            f"a dozen-{word} tests", "dozens of tests", "a handful of tests",
            "a third of the tests", "half of the tests", "three quarters of the tests",
            "twice the tests", "tenfold tests",
            "the thirteenth attempt", "part XIV", "Phase VII", f"version {n}", f"v{n}.1.0",
            f"release {n}.1", f"issue {n}", f"#{n}", f"PR {n}", f"GH-{n}",
            # The session states these numbers, with other units.
            "30 hours", "30h", "30 seconds", "30 days", "30 tests", "11 minutes", "847 commits",
            "12 commits", "12 minutes", "84 tests", "84 minutes", "12 MB", "12ms", "12x speed",
            "12 times faster code", "$12", "1046 tests", "12%", "11 lines", "847 lines removed",
            "-847 lines", "12 lines added", "84.7 lines", "8,47 lines", "0.847 lines",
        )
    )  # fmt: skip


_FULL_WIDTH: Final = str.maketrans("0123456789", "０１２３４５６７８９")


def _name(pick: random.Random) -> str:
    name = "".join(pick.choices(_SYLLABLES, k=pick.randint(2, 3))).capitalize()
    known = pick.choice(("bob", "redis", "mysql", "kubernetes", "github", "python", "kafka"))
    return pick.choice(
        (
            name, f"{name}'s team", f"{name}s' team", f"Ada-{name}", f"Ada {name}", f"{name}-Ada",
            name.upper(), f"O'{name}", f"o'{name.lower()}", f"{name[0]}\u200b{name[1:]}",
            f"\u202e{name}", f"{name}Handler", f"{name.lower()}{name}", f"{name.lower()}_all",
            f"{name.lower()}.py", f"src/{name.lower()}.py", "src/auth.ts", "auth.py.bak",
            f"{name.lower()}()", f"@{name.lower()}", f"{name.lower()}@example.com",
            f"https://{name.lower()}.example/x", f"{name.lower()}.example.com", known,
            f"{known}-based code", "Боб", "боб", "田中", "ボブ", "鲍勃", "Αda", "Adа", "lоgin-form",
            "Postgres-" + name, f"the {name} library", "deadbeef", "a1b2c3d4e5", "0a1b2c3",
            f"PROJ-{pick.randint(1, 99)}", f"gpt-{pick.randint(6, 9)}",
        )
    )  # fmt: skip


def _date(pick: random.Random) -> str:
    day, month = pick.choice([d for d in range(1, 29) if d not in (6, 11)]), pick.choice(_MONTHS)
    return pick.choice(
        (
            f"on {day} {month}", f"on {month} {day}", f"on {day}. {month}", f"in {month}",
            f"on {month} {day}, 2025", f"on the {day}th of {month}", f"{month} 2025",
            f"in mid-{month}", f"on 2025-11-{day:02d}", f"on 2025/11/{day:02d}",
            f"on {day:02d}.11.2025", f"on {day}/11/2025", f"am {day}.11.", f"2025年11月{day}日",
            f"{pick.randint(1, 9)}月{day}日", f"on the {day}th", f"202511{day:02d}", "in Q2",
            "in Q1 2025", "in Q4 2024", "in the second quarter", "in the first half", "in 2024",
            "since 2026",
            f"in week {pick.randint(1, 44)}", f"in W{pick.randint(46, 52)}", "in KW 12",
            f"on {pick.choice(_DAYS)}", f"last {pick.choice(_DAYS)}", "yesterday", "last week",
            "the day before", "two days ago", "at noon", "at 3pm", "at 15:45", "this morning",
            "over the weekend", "at Christmas", "in the nineties", "in early November 2024",
            "in late November", "November 2024", "next sprint", "in FY24", "in '24",
        )
    )  # fmt: skip


def _quotation(pick: random.Random) -> str:
    words = " ".join(
        pick.sample(("always", "retry", "never", "ship", "users", "first", "don't"), 3)
    )
    opening, closing = pick.choice(_QUOTES)
    return pick.choice(
        (
            f"Ada said {opening}{words}{closing}", f"Ada said {opening}keep one {words}{closing}",
            f"Ada said ``{words}``", f'Ada said ""{words}""', f"Ada said: {words}",
            f"Ada said **{words}**", f"> {words}", f"Ada said '{words}", f'Ada said "{words}',
            f"Ada wrote {opening}ne writer{closing}", f"Ada said {opening}keep… writer{closing}",
        )
    )  # fmt: skip


def _in_sentence(pick: random.Random, part: str) -> str:
    return pick.choice((f"The login was fixed with {part}.", f"The login works: {part}",
                        f"Retries repaired the login, {part}, and it works."))  # fmt: skip


def lie(pick: random.Random) -> tuple[Lie, Fault | None]:
    """Return a claim with one invented part; the fault, if only one kind can be found in it."""
    kind = pick.choice((_number, _name, _date, _quotation, None))
    if kind is None:
        return (_in_sentence(pick, "as planned"), _keys(pick)), "key"
    made = kind(pick)
    return (made if kind is _quotation else _in_sentence(pick, made), (LOGIN,)), None


def _keys(pick: random.Random) -> tuple[Key, ...]:
    return pick.choice(
        (
            (), (Key(f"2024-{pick.randint(1, 12):02d}-03T10:00:00Z"),), (Key(LOGIN.lower()),),
            (LOGIN, Key(f"2025-11-06T14:30:{pick.randint(1, 59):02d}Z")), (Key(f"{LOGIN}\u200b"),),
            (Key(f"{LOGIN}.{pick.randrange(16**6):06x}"),), (Key(LOGIN[:10]),), (Key(f" {LOGIN}"),),
            (LOGIN, Key("2026-01-01")),
        )
    )  # fmt: skip


@pytest.mark.parametrize("seed", range(40))
def test_sixty_lies_of_any_form_are_each_dropped(seed: int) -> None:
    pick = random.Random(seed)  # noqa: S311 - lies of a test, not a secret
    for _ in range(60):
        (text, keys), fault = lie(pick)
        found = fault_of(Claim(text, keys), SESSIONS, FIGURES)
        assert found is not None, text
        assert fault in (None, found[0]), text


FORMS: Final = (
    "In 2025 the login was fixed.",
    "On the 6th the login was fixed.",
    "On Thursday the login was fixed.",
    "On 6 Nov. 2025 the login was fixed.",
    "On Nov 6, 2025, the login was fixed.",
    "06.11.2025: the login was fixed.",
    "11/06/2025: the login was fixed.",
    "In early November the login was fixed.",
    "In week 45 the login was fixed.",
    "In the fourth quarter the login was fixed.",
    "In Q4 the login was fixed.",
    "11 commits added 847 lines and removed 12.",
    "+847/-12 lines were changed in 30 min.",
    "The login was fixed in 0.5 hours.",
    "Coverage is 84 per cent now.",
    "Coverage reached 84 percent.",
    "PR 1046 fixed the login of postgres users.",
    "Issue #1046 is closed.",
    'Ada said "Keep one writer."',
    "Ada said: keep one writer.",
    "Ada said „keep one writer“.",
    "The users' login doesn't fail any more, and it's ready.",
    "Ada's login fix retries two times.",
    "The fix was done by Ada.",
    "The login was fixed by adding retries.",
    "One of the tests is in `src/auth.py`.",
    "Retries were added using a loop.",
    "12 new tests cover the login at 84%.",
    "The twelve new tests cover the login.",
    "It took thirty minutes.",
    "The login works again, and the code is simpler.",
    "Caused by missing retries, the failure is fixed by now.",
    "Claude Sonnet 4.5 fixed the login.",
    "The *login* was fixed.",
    "Testing showed that one writer is enough.",
    "Reliability improved because the login retries.",
    "Seconds matter less than a correct login.",
    "The second half of the work may follow.",
)  # fmt: skip
#: Wordings of honest claims that the check cannot follow; the last ones of `FORMS`.
_LOST: Final = 1


def test_honest_claims_of_the_same_forms_pass() -> None:
    claims = [Claim(text, (LOGIN,)) for text in (*HONEST, *FORMS)]
    result = check_claims(claims, SESSIONS, FIGURES)
    dropped = [(claim.text, *fault) for claim, *fault in result.dropped]
    sys.stdout.write(f"honest claims dropped: {len(dropped)} of {len(claims)}\n")
    assert [text for text, *_ in dropped] == list(FORMS[-_LOST:]), dropped
