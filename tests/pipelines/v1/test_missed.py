"""`migrate` exits with 3 where it misses a session that a reader would see, and with 0 else."""

from __future__ import annotations

import pytest

from tests.pipelines.conftest import Bench, Cli

BEFORE = "# Log\n\n## 2026-03-01 - Gate\n**Status:** done\nOiled the gate.\n\n"
AFTER = "\n## 2026-03-05 - Roof\n**Status:** done\nTiled the roof.\n"

#: A session that is missed or doubtful, put between two clean ones.
FAULTS = {
    "no date": "## Dig the pit\n**Task:** Dig\n**Status:** done\n",
    "no date, status alone": "## Dig the pit\n**Status:** ✅ Done\nDug.\n",
    "no date, Spanish": "## Cavar el pozo\n- **Tarea:** Cavar\n- **Estado:** Completado\n",
    "no date, Chinese": "## 挖坑\n- 任务：挖\n- 状态：已完成\n",
    "a number and no date": "## Session 7\n**Agent:** Codex\nDug.\n",
    "a date field that cannot be read": "## Dig\n**Date:** some day in March\n**Agent:** Codex\n",
    "no such day": "## 2026-02-30 - Dig\nDug.\n",
    "no such month": "## 2026-13-03 - Dig\nDug.\n",
    "no day": "## 2026-03 - Dig\nDug.\n",
    "a letter in the day": "## 2026-03-0l - Dig\nDug.\n",
    "two digits of a year": "## 26-03-03 - Dig\nDug.\n",
    "no such hour": "## 2026-03-03 25:10 UTC - Dig\nDug.\n",
    "day or month": "## 03/04/2026 - Dig\nDug.\n",
    "day or month, with dashes": "## 03-04-2026 - Dig\nDug.\n",
    "a zone of several meanings": "## 2026-03-03 10:00 IST - Dig\nDug.\n",
    "another zone of several meanings": "## 2026-03-03 10:00 BST - Dig\nDug.\n",
    "a zone that is not read": "## 2026-03-03 10:00 GST - Dig\nDug.\n",
    "a zone that nobody knows": "## 2026-03-03 10:00 WAKT - Dig\nDug.\n",
    "a deeper heading with its own date": "### 2026-03-03 - Dig\n**Status:** done\nDug.\n",
    "a higher heading": "# 2026-03-03 - Dig\nDug.\n\n# Log, continued\n",
    "mostly quoted": "```\n" + "".join(f"## 2026-02-{d:02} - x\n" for d in range(1, 9)) + "```\n",
    "a placeholder for the day": "## 2026-03-XX - Dig\nDug.\n",
    "slashes and no day": "## 2026/03 - Dig\n**Status:** done\n",
    "two tasks below a day": "## 2026-03-03\n**Task:** Dig\nDug.\n\n**Task:** Fill\nFilled.\n",
    "two tasks in lists": "## 2026-03-03\n"
    "- Task: Dig\n- Status: done\n\n- Task: Fill\n- Status: done\n",
    "two tasks, Spanish": "## 2026-03-03\n**Tarea:** Cavar\n\n**Tarea:** Llenar\n",
    "two sets of fields below a title": "## 2026-03-03 - Digging\n"
    "**Task:** Dig\n**Status:** done\n\n**Task:** Fill\n**Status:** done\n",
    "two agents with a status": "## 2026-03-03\n"
    "**Agent:** codex\n**Status:** done\nDug.\n\n**Agent:** claude\n**Status:** done\nFilled.\n",
    "clocks in a list": "## 2026-03-03\n- 09:00 Dug the pit\n- 10:30 Filled it\n",
    "clocks in bold": "## 2026-03-03\n**09:00** Dug the pit\n\n**10:30** Filled it\n",
    "clocks in lines": "## 2026-03-03\n09:00 - Dug the pit\n10:30 - Filled it\n",
    "clocks in a table": "## 2026-03-03\n| Time | Task |\n| --- | --- |\n"
    "| 09:00 | Dug the pit |\n| 10:30 | Filled it |\n",
}


ITEMS = "- 2026-03-01: Built the gate\n- 2026-03-02: Oiled it\n{}- 2026-03-05: Painted it\n"
NUMBERS = "1. 2026-03-01 - Gate\n2. 2026-03-02 - Hinge\n{}4. 2026-03-05 - Paint\n"
LINES = "2026-03-01 | codex | gate | PASS\n{}2026-03-05 | codex | paint | PASS\n"
BOLD = "**2026-03-01** — Gate\nBuilt.\n\n{}**2026-03-05** — Paint\nTwice.\n"
DAYS = "## 2026-03-01\n### 09:00 Gate\nBuilt.\n\n## 2026-03-02\n{}### 11:00 Paint\nTwice.\n"
HEADINGS = BEFORE + "{}" + AFTER
#: The same for logs whose sessions are not headings, and for lines between headings.
OTHER_FAULTS = {
    "an item without a day": (ITEMS, "- 2026-03: Dug\n"),
    "an item of no such day": (ITEMS, "- 2026-03-32: Dug\n"),
    "an item with a letter": (ITEMS, "- 2026-03-0x: Dug\n"),
    "an item of a day or a month": (ITEMS, "- 03/04/2026: Dug\n"),
    "an item in a zone that nobody knows": (ITEMS, "- 2026-03-03 10:00 WAKT: Dug\n"),
    "a heading below items": (ITEMS, "## 2026-03-03 - Dig\nDug.\n"),
    "a number without a day": (NUMBERS, "3. 2026-03 - Pit\n"),
    "a number of no such month": (NUMBERS, "3. 2026-13-03 - Pit\n"),
    "a number in a zone of several meanings": (NUMBERS, "3. 2026-03-03 10:00 IST - Pit\n"),
    "a line of no such hour": (LINES, "2026-03-03T25:00:00Z | codex | pit | PASS\n"),
    "a line of no such month": (LINES, "2026-13-03 | codex | pit | PASS\n"),
    "a line without a day": (LINES, "2026-03 | codex | pit | PASS\n"),
    "a line in a zone that nobody knows": (LINES, "[2026-03-03 10:00 QXT] codex | pit | PASS\n"),
    "bold text with a letter": (BOLD, "**2026-03-3x** — Pit\nDug.\n\n"),
    "bold text without a day": (BOLD, "**2026-03** — Pit\nDug.\n\n"),
    "bold text of no such day": (BOLD, "**2026-02-30** — Pit\nDug.\n\n"),
    "no such hour below a day": (DAYS, "### 25:00 Pit\nDug.\n"),
    "no hour below a day": (DAYS, "### Pit\n**Task:** dig\n**Status:** done\n"),
    "bold text between headings": (HEADINGS, "**2026-03-03 — Pit**\n**Status:** done\n\n"),
    "an underlined heading": (HEADINGS, "2026-03-03 - Pit\n----------------\nDug.\n\n"),
}


@pytest.mark.parametrize("fault", OTHER_FAULTS)
def test_a_session_that_is_missed_in_another_kind_of_log_is_a_finding(
    fault: str, bench: Bench, cli: Cli
) -> None:
    log, part = OTHER_FAULTS[fault]
    bench.log.write_text(log.format(""), encoding="utf-8")
    assert cli("migrate", bench.root, "--dry-run").code == 0
    bench.log.write_text(log.format(part), encoding="utf-8")
    said = cli("migrate", bench.root, "--dry-run")
    assert said.code == 3, said.err
    assert "AGENT_PROGRESS_LOG.md:" in said.err


@pytest.mark.parametrize("fault", FAULTS)
def test_a_session_that_is_missed_or_doubtful_is_a_finding(
    fault: str, bench: Bench, cli: Cli
) -> None:
    bench.log.write_text(BEFORE + FAULTS[fault] + AFTER, encoding="utf-8")
    said = cli("migrate", bench.root, "--dry-run")
    assert said.code == 3, said.err
    assert "AGENT_PROGRESS_LOG.md:" in said.err


CLEAN = {
    "sections between": "## Ideas\n- one\n\n",
    "a template": "## [YYYY-MM-DD] - title\n**Status:** PASS|FAIL\n\n",
    "a description": "## Format of an entry\n- **Agent:** who\n- **Status:** done or failed\n\n",
    "a quoted example": "```markdown\n## 2026-01-01 - example\n**Status:** done\n```\n\n",
    "a version": "## Release 1.2.3\nNotes of it.\n\n",
    "a deeper dated heading": "### 2026-03-02: a finding\nx\n\n",
    "a known label": "## Next steps\n**Status:** done\n\n",
    "parts with a status": "## 2026-03-03 - Dig\n### A\nStatus: done\n### B\nStatus: failed\n\n",
    "parts of a day with a status": "## 2026-03-03\n"
    "**Task:** Dig\nStatus: done\n\nStatus: done\n\n",
    "the course of one session": "## 2026-03-03 - Dig\n- 09:00 Began\n- 10:30 Dug\n\n",
    "a date above a rule": "## 2026-03-03 - Dig\nDug.\n\n2026-03-04\n---\n",
    "dated items of an entry": "## 2026-03-03 - Dig\n- 2026-02-01: planned\n- 2026-02-02: paid\n",
    "one clock below a day": "## 2026-03-03\n- 09:00 Dug the pit\n- Filled it\n\n",
    "an ambiguous heading that its field decides": "## 03/04/2026 - Dig\n"
    "**Date:** 2026-03-04\nDug.\n\n",
}


@pytest.mark.parametrize("part", CLEAN)
def test_a_clean_log_has_no_finding(part: str, bench: Bench, cli: Cli) -> None:
    for log in (BEFORE + CLEAN[part] + AFTER, BEFORE + AFTER + CLEAN[part]):
        bench.log.write_text(log, encoding="utf-8")
        said = cli("migrate", bench.root, "--dry-run")
        assert (said.code, "finding" in said.err) == (0, False), said.err
