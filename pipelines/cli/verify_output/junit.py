"""The result of a verification as JUnit XML: one test case for each check.

It is valid by both common schemas, Ant's and Jenkins'.
"""

from __future__ import annotations

import re
from datetime import datetime
from xml.sax.saxutils import escape, quoteattr

from codec.shown_text import shown
from pipelines.verification.report import Check, Verdict

#: Characters that XML cannot contain, even escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = "session-codec verify"
_CLASS = "session-codec.verify"


def junit_of(verdict: Verdict, *, host: str, began: datetime, seconds: float) -> str:
    """Return a verdict as a JUnit document.

    Args:
        verdict: the verdict to show.
        host: the name of the machine.
        began: when the verification began, in UTC.
        seconds: the time that it took.
    """
    checks = list(verdict.checks())
    failures = sum(not check.passed for check in checks)
    skipped = sum(check.passed and bool(check.skipped) for check in checks)
    attributes = {
        "name": _NAME,
        "package": "session-codec",
        "id": "0",
        "timestamp": began.strftime("%Y-%m-%dT%H:%M:%S"),
        "hostname": host or "localhost",
        "tests": str(len(checks)),
        "failures": str(failures),
        "errors": "0",
        "skipped": str(skipped),
        "time": f"{seconds:.3f}",
    }
    suite = " ".join(f"{name}={quoteattr(_clean(value))}" for name, value in attributes.items())
    cases = "".join(map(_case, checks))
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites>\n<testsuite {suite}>\n<properties/>\n{cases}"
        "<system-out/>\n<system-err/>\n</testsuite>\n</testsuites>\n"
    )


def _case(check: Check) -> str:
    head = f'<testcase classname="{_CLASS}" name={quoteattr(f"{check.name}: {check.title}")}'
    head += ' time="0"'
    if check.passed and check.skipped:
        return f"{head}><skipped>{escape(check.skipped)}</skipped></testcase>\n"
    if check.passed:
        return f"{head}/>\n"
    found = [f for f in check.findings if f.level == "finding"]
    first = _clean(str(found[0]))
    more = f" (and {len(found) - 1:,} more)" if len(found) > 1 else ""
    kinds = ", ".join(dict.fromkeys(f.code for f in found))
    text = escape(_clean("\n".join(map(str, found))))
    return (
        f"{head}>\n<failure message={quoteattr(first + more)} type={quoteattr(kinds)}>"
        f"{text}</failure>\n</testcase>\n"
    )


def _clean(text: str) -> str:
    """Return a text with visible escapes for characters that XML cannot contain."""
    return _NO_XML.sub(lambda m: f"\\u{ord(m[0]):04x}", shown(text))
