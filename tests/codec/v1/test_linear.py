"""To find the sessions of a log takes work in proportion to its size."""

from __future__ import annotations

import sys
from itertools import pairwise
from types import FrameType

import pytest

from codec.errors import FormatError
from codec.v1.detect import detect
from codec.v1.split import join, split

LOGS = {
    "plain": "## 2026-03-01 10:00 UTC — Oil (Codex)\n**Status:** done\n- It is done.\n\n",
    "no-dates": "## Oil the hinge\ntext\n\n### More\ntext\n\n",
    "date-fields": "## Oil\n- Status: done\n- Started: 2026-03-01\n\ntext\n\n",
    "days": "## 2026-03-01\n### Oil\n**Task:** oil\n### Paint\n**Task:** paint\n\n",
    "odd-fences": "## 2026-03-01 — Oil\n```\nsaid\n```\ntail\n```\n\n",
    "fences-never-closed": "## 2026-03-01 — Oil\n~~~~\n```diff\n+x\n\n",
    "patches": "## 2026-03-01 — Oil\n```diff\n--- a\n+++ b\n@@ -1 +1 @@\n-x\n+y\n```\n\n",
    "weak": "## Oil the hinge on 2026-03-01 at home\ntext\n\n",
    "lines": "2026-03-01T10:00:00Z  P1  PASS  oiled the hinge\n",
    "bullets": "- [2026-03-01 10:00] oiled the hinge\n",
    "undated": "## Oil (Codex)\n**Status:** done\n\n",
}
DOUBLINGS = 4
#: Work that does not depend on the size, in calls.
FIXED = 2000


def calls(data: bytes) -> int:
    """Return how many calls it takes to find the sessions of a log."""
    count = 0

    def counted(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counted)
    try:
        spans = list(split(data, detect(data)))
    except FormatError:
        spans = None
    finally:
        sys.setprofile(before)
    assert spans is None or join(data, spans) == data
    return count


@pytest.mark.parametrize("name", LOGS)
def test_twice_the_log_takes_at_most_about_twice_the_work(name: str) -> None:
    text = LOGS[name].encode()
    calls(text * 50)  # compiles the patterns
    counts = [calls(text * (50 << doubling)) for doubling in range(DOUBLINGS + 1)]
    for half, whole in pairwise(counts):
        assert whole <= 2.1 * half + FIXED
