"""Invented keys, numbers, names, dates and quotations are dropped in whatever form they come.

Each kind is drawn at random in many forms, with values that no cited session has. The honest claims
use the same forms with the values of the session; the share of them that is dropped is printed.
"""

from __future__ import annotations

import random
import sys
from decimal import Decimal
from typing import Final

import pytest

from codec.kinds import Key
from codec.records import Metrics, Session
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


_WORK: Final = [Key(f"2025-09-{day:02d}T10:00:00Z") for day in (2, 9, 16, 19)]
OTHERS: Final = {
    s.key: s
    for s in (
        Session(
            _WORK[0], _WORK[0], "opus-4.1", "fix-login", "FAIL",
            title="Fix the login so that customers with many accounts can use it again",
            notes="Retry twice: the upstream drops the first connection. Lesson: set timeouts on "
            "both sides.",
            metrics=Metrics(60, 0, 2, 122, None),
        ),
        Session(
            _WORK[1], _WORK[1], "gpt-5-codex", "refactor-export-api", "PASS",
            title="Refactor the export API",
            notes="Decision: keep one writer; no pool. Next: port the importer. Latency p95 fell "
            "from 1.2s to 340ms; memory 512 MB.",
            metrics=Metrics(300, 120, 3, 45, 51000),
        ),
        Session(
            _WORK[2], _WORK[2], "human", "revert-search-index", "PASS",
            title="Revert the search index",
            notes="Lessons learned: run the migration on a copy first, because a rollback of 4 "
            "million rows takes 40 minutes and blocks everyone.",
            metrics=Metrics(10, 800, 1, 20, None),
        ),
        Session(
            _WORK[3], _WORK[3], "sonnet-4.5", "add-payment-webhook", "PARTIAL",
            title="Add the payment webhook (Stripe)",
            notes="Blocked: waiting for the staging database. 37 of 40 tests pass; coverage "
            "81.5 %. See docs/deploy.md and PR #88.",
            metrics=Metrics(412, 3, 5, None, 20000),
        ),
    )
}  # fmt: skip
#: Claims as a model writes them, and the numbers of their sessions.
TOLD: Final = (
    (
        "The login fix failed after 122 minutes because the upstream drops the first "
        "connection; timeouts on both sides were suggested.",
        (0,),
    ),
    (
        "A login fix for customers with many accounts failed, and the team learned to "
        "set timeouts on both sides.",
        (0,),
    ),
    (
        "The export API was refactored with a single writer instead of a pool, adding "
        "300 lines and removing 120.",
        (1,),
    ),
    ("Refactoring the export API cut p95 latency from 1.2s to 340ms.", (1,)),
    ("Latency fell from 1.2 seconds to 340 ms while memory stayed at 512 MB.", (1,)),
    (
        "It was decided to keep one writer and no pool for the export API; the importer "
        "still needs to be ported.",
        (1,),
    ),
    ("The search index was reverted by a human, removing 800 lines.", (2,)),
    (
        "Rolling back 4 million rows takes 40 minutes, so migrations should be run on a "
        "copy first.",
        (2,),
    ),
    ("A rollback of four million rows took 40 minutes and blocked everyone.", (2,)),
    (
        "The Stripe payment webhook is partially done: 37 of 40 tests pass, with 81.5% coverage.",
        (3,),
    ),
    ("Payment webhook work is blocked by the staging database.", (3,)),
    ("The payment webhook (PR #88) is waiting for the staging database.", (3,)),
    ("Sonnet 4.5 added the payment webhook in 5 commits and 412 lines.", (3,)),
    ("GPT-5 Codex refactored the export API in 45 minutes.", (1,)),
    ("In September 2025 the search index was reverted and the login could not be fixed.", (0, 2)),
    ("Two sessions were about the login and the export API.", (0, 1)),
    ("Across four sessions, 782 lines were added and 923 were removed.", (0, 1, 2, 3)),
    ("Deployment steps are described in docs/deploy.md.", (3,)),
    ("The team should port the importer next.", (1,)),
    ("Unresolved: access to the staging database.", (3,)),
    ("Work on the webhook used 20,000 tokens.", (3,)),
    ("Work on the export API used about 51k tokens.", (1,)),
    ("On September 9, the export API was refactored successfully.", (1,)),
    ("Customers' login remains broken.", (0,)),
    ("Opus 4.1 tried to fix the login, but the upstream dropped the first connection.", (0,)),
    ("The migration lesson: test on a copy first.", (2,)),
    ("Memory use is 512MB.", (1,)),
    ("Human work: the index was rolled back.", (2,)),
)
INVENTED: Final = (
    ("The login fix failed after 122 hours.", (0,)),
    ("p95 latency fell to 340 s.", (1,)),
    ("Memory is 512 GB.", (1,)),
    ("4 billion rows were rolled back.", (2,)),
    ("4 rows were rolled back.", (2,)),
    ("40 million rows were rolled back.", (2,)),
    ("Coverage is 82%.", (3,)),
    ("Coverage rose by 81.5 points.", (3,)),
    ("PR #40 adds the webhook.", (3,)),
    ("It removed 412 lines.", (3,)),
    ("In August 2025 the index was reverted.", (2,)),
    ("GPT-4 refactored the export API.", (1,)),
    ("Opus 4.5 fixed it.", (0,)),
    ("Sonnet 4 added the webhook.", (3,)),
    ("The paypal webhook was added.", (3,)),
    ("Codex 5.2 refactored the export API.", (1,)),
    ("The search index was reverted on the 17th.", (2,)),
    ('Someone said "no pool needed".', (1,)),
    ("The lead wrote ‘keep two writers’.", (1,)),
    ("20 million tokens were used.", (3,)),
    ("It took five hours.", (0,)),
    ("Version 88 was shipped.", (3,)),
    ("The rollback takes forty seconds.", (2,)),
    ("Latency halved.", (1,)),
    ("A third of tests fail.", (3,)),
    ("The upstream dropped two connections.", (0,)),
    ("Three lessons were learned.", (2,)),
    ("37% of tests pass.", (3,)),
    ("docs/deployment.md has the steps.", (3,)),
    ("Deploy.md explains 2 ways.", (3,)),
)


def test_claims_about_several_sessions_pass_and_changed_ones_are_dropped() -> None:
    def faults(claims: tuple[tuple[str, tuple[int, ...]], ...]) -> dict[str, object]:
        figures = {Decimal(4): frozenset({"session", "sessions"})}
        return {
            text: fault_of(Claim(text, tuple(_WORK[n] for n in cited)), OTHERS, figures)
            for text, cited in claims
        }

    assert {text: fault for text, fault in faults(TOLD).items() if fault} == {}
    assert [text for text, fault in faults(INVENTED).items() if fault is None] == []
