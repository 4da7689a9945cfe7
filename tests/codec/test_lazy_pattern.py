"""A pattern that is compiled late matches like one that is compiled at once."""

from __future__ import annotations

import re
import subprocess
import sys

from codec.lazy_pattern import LazyPattern

# Compiling the patterns of dates takes longer than all other work on a small log.
_CANONICAL = """
from codec.lazy_pattern import LazyPattern
from codec.v1.detect import detect
from codec.v1.entry import entry_hash, read_entry
from codec.v1.forms import FORMS
from codec.v1.mapping import Options, session_of
from codec.v1.split import split

log = b"# Log\\nVersion: 1.0\\n\\n" + b'''### 2025-11-06T14:30:00Z | Claude Code | oil-the-hinge
Task: Oil the hinge
Status: PASS

Metrics:
- Lines added: 2
- Duration: 5 min

Lessons: Oil it early.

---

''' * 2
for span in split(log, detect(log)):
    if span.heading:
        whole = log[span.start : span.end]
        entry = read_entry(whole, span, entry_hash(whole))
        session_of(entry, source="x", patch=None, stat=None, tokens={}, options=Options())
print([f.name for f in FORMS if "compiled" in vars(f.pattern)])
"""


def test_a_pattern_matches_with_its_flags_whenever_it_is_compiled() -> None:
    pattern = LazyPattern("a(?P<b>b+)", re.IGNORECASE)
    assert "compiled" not in vars(pattern)
    for method in ("match", "fullmatch", "search"):
        found = getattr(pattern, method)("ABB")
        assert found is not None
        assert found["b"] == "BB"
    assert pattern.search("xab") is not None
    assert pattern.match("xab") is None
    assert pattern.fullmatch("abx") is None
    assert pattern.sub("-", "ab AB") == "- -"


def test_a_canonical_log_compiles_no_pattern_of_dates() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CANONICAL], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
