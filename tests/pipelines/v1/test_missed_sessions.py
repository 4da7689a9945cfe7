"""A session that a reader of the log sees and that is missed or doubtful ends `migrate` with 3."""

from __future__ import annotations

import pytest

from tests.pipelines.conftest import REAL, Bench, Cli, corpus

CLEAN = "".join(
    f"## 2026-03-{day:02d} 10:00 UTC — {task} (Codex)\n**Status:** done\n- {task} is done.\n\n"
    for day, task in enumerate(["Oil the hinge", "Paint the door", "Sand the floor"], 1)
)
FIELDS = "**Status:** done\n- All of it.\n\n"
QUOTED = "".join(f"## 2026-03-{day:02d} — Wax the table\n{FIELDS}" for day in range(4, 9))
#: What is added to the clean log, each a session that cannot be read or may be none.
FAULTS = {
    "no-date": f"## Wax the table (Codex)\n{FIELDS}",
    "day-32": f"## 2026-03-32 10:00 UTC — Wax the table\n{FIELDS}",
    "month-13": f"## 2026-13-04 10:00 UTC — Wax the table\n{FIELDS}",
    "hour-25": f"## 2026-03-04 25:00 UTC — Wax the table\n{FIELDS}",
    "february-30": f"## 2026-02-30 — Wax the table\n{FIELDS}",
    "day-or-month": f"## 05/06/2026 — Wax the table\n{FIELDS}",
    "day-or-month-in-field": f"## Wax the table\n**Date:** 05/06/2026\n{FIELDS}",
    "zone-with-two-meanings": f"## 2026-03-04 10:00 IST — Wax the table\n{FIELDS}",
    "zone-not-read": f"## 2026-03-04 10:00 QXT — Wax the table\n{FIELDS}",
    "date-cut": f"## 2026-03 — Wax the table\n{FIELDS}",
    "date-with-letter": f"## 2026-03-O4 — Wax the table\n{FIELDS}",
    "date-with-two-digits": f"## 26-03-04 — Wax the table\n{FIELDS}",
    "month-misspelt": f"## 4 Marhc 2026 — Wax the table\n{FIELDS}",
    "date-field-broken": f"## Wax the table\n**Date:** 2026-03-\n{FIELDS}",
    "date-field-empty": f"## Wax the table\n**Date:**\n{FIELDS}",
    "counted-without-date": f"## Session 4: Wax the table\n**Agent:** Codex\n{FIELDS}",
    "most-in-a-fence": f"```\n{QUOTED}```\n\n",
    "day-of-the-week": f"## Friday — Wax the table\n{FIELDS}",
    "task-without-date": "## Wax the table\n**Task:** wax the table\n- All of it.\n\n",
    "agent-and-status": f"## Wax the table\n**Agent:** Codex\n{FIELDS}",
}


def test_there_are_twenty_faults() -> None:
    assert len(FAULTS) == 20


@pytest.mark.parametrize("last", [True, False], ids=["last", "first"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_session_that_is_missed_or_doubtful_is_reported_with_its_line(
    bench: Bench, cli: Cli, name: str, last: bool
) -> None:
    text = CLEAN + FAULTS[name] if last else FAULTS[name] + CLEAN
    bench.log.write_text(text)
    said = cli("migrate", bench.root, "--json")
    assert said.code == 3, text
    lines = text.split("\n")
    places = {f["line"] for f in said.json["findings"] if f["level"] == "finding"}
    first = next(n for n, line in enumerate(lines, 1) if "Wax" in line or "wax" in line)
    assert places & {first - 1, first, first + 1}


def test_a_clean_log_ends_with_0(bench: Bench, cli: Cli) -> None:
    bench.log.write_text(CLEAN)
    assert cli("migrate", bench.root).code == 0


@pytest.mark.parametrize("name", [*REAL, "traps", "medium"])
def test_a_clean_log_of_the_corpus_ends_with_0(bench: Bench, cli: Cli, name: str) -> None:
    bench.log.write_bytes(corpus(f"{name}.md"))
    assert cli("migrate", bench.root).code == 0
