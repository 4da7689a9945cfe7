"""Write the page of a report: data and its own scripts in one file that makes no requests.

1. Text of a log is data, never markup: it is embedded as JSON, with `<`, `>`, `&` and all non-ASCII
   characters escaped, and the page inserts it as text. The page's policy makes the browser refuse
   everything else: scripts and styles other than the page's own (by hash), connections, and text
   that becomes markup (trusted types).
2. The page consists of the files in `assets`. The charts are Chart.js 4.6.1 (MIT, its licence is
   next to it), as published, without the name of its source map.
"""

from __future__ import annotations

import html as markup
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from codec.records import Session
from codec.v2.deltas import encode_metrics
from codec.v2.progress_log import reference_of
from pipelines.diffs.local_archives import Listed
from pipelines.report.figures import (
    STATUS_ORDER,
    Course,
    Periods,
    failing,
    slowest,
)
from pipelines.report.page_files import asset, source_hash, style_of
from pipelines.report.token_savings import JUDGED_FROM, TokenReport

#: The text in the first bytes of every report.
MARK: Final = '<meta name="generator" content="session-codec report">'

_LIBRARY: Final = "chart.umd.min.js"
_SCRIPTS: Final = (
    "figures.js", "charts.js", "paged_table.js", "sessions.js", "quarters.js", "page.js",
)  # fmt: skip
_STYLE: Final = "page.css"
_FRAME: Final = "page.html"

_SLOT = re.compile(r"\{\{(?P<name>[a-z]+)\}\}")
_SOURCE_MAP = re.compile(r"^//# sourceMappingURL=.*$", re.M)
_ESCAPED: Final = str.maketrans({c: f"\\u{ord(c):04x}" for c in "<>&"})
POLICY: Final = (
    "default-src 'none'; script-src {scripts}; style-src {style}; img-src data:; base-uri 'none';"
    " form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
#: The fields of a session, in the order of the page.
FIELDS: Final = (
    "key", "agent", "task", "status", "remark", "title", "notes", "added", "removed", "commits",
    "minutes", "tokens", "v1", "metrics", "diff", "bytes",
)  # fmt: skip


class Page(NamedTuple):
    """The content of a page.

    Attributes:
        name: the name of the workspace.
        made: when the page was made, in UTC.
        since, until: the requested range; None where it is open.
        tokenizer: the name of the tokenizer.
        sessions: the sessions of the range, oldest first.
        every: the number of all sessions.
        tokens: the savings; None without sessions, or if they are unknown.
        uncounted: why they are unknown.
        periods, course: the figures to draw.
        archives: the archives of the months of the range.
        diffs: the diffs to include, by key; None for no diffs.
        quarters: the period report of each quarter, by its name, the newest first.
    """

    name: str
    made: str
    since: str | None
    until: str | None
    tokenizer: str
    sessions: Sequence[Session]
    every: int
    tokens: TokenReport | None
    uncounted: str | None
    periods: Periods
    course: Sequence[Course]
    archives: Sequence[Listed]
    diffs: Mapping[str, str] | None
    quarters: Mapping[str, Any]


def html(page: Page) -> Iterator[bytes]:
    """Yield a report in chunks."""
    library = _SOURCE_MAP.sub("", asset(_LIBRARY))
    script = "\n".join(map(asset, _SCRIPTS))
    style = style_of(_STYLE)
    policy = POLICY.format(
        scripts=f"{source_hash(library)} {source_hash(script)}", style=source_hash(style)
    )
    slots = {
        "mark": MARK,
        "policy": policy,
        "name": markup.escape(page.name.encode(errors="replace").decode()),
        "style": style,
        "library": library,
        "script": script,
    }
    before, after = asset(_FRAME).split("{{data}}")
    yield filled(before, slots).encode()
    yield data_block("data", data_of(page)).encode()
    for name, quarter in page.quarters.items():
        yield data_block(f"quarter-{name}", quarter).encode()
    for number, session in enumerate(page.sessions):
        text = (page.diffs or {}).get(session.key)
        if text is not None:
            yield data_block(f"diff-{number}", text).encode()
    yield filled(after, slots).encode()


def data_block(name: str, value: Any) -> str:
    """Return a value as a block of data that browsers treat neither as script nor as markup."""
    # In ASCII: no line separators, lone surrogates or other encodings.
    text = json.dumps(value, separators=(",", ":")).translate(_ESCAPED)
    return f'<script type="application/json" id="{name}">{text}</script>\n'


def data_of(page: Page) -> dict[str, Any]:
    """Return the content of a page without its diffs, as a JSON value."""
    return {
        "name": page.name,
        "made": page.made,
        "since": page.since,
        "until": page.until,
        "tokenizer": page.tokenizer,
        "every": page.every,
        "fields": FIELDS,
        "sessions": [_row(session, page.tokenizer) for session in page.sessions],
        "statuses": STATUS_ORDER,
        "saved": _saved(page.tokens) if page.tokens else None,
        "uncounted": page.uncounted,
        "periods": {
            "unit": page.periods.unit,
            "agents": page.periods.agents,
            "rows": [p._asdict() for p in page.periods.rows],
        },
        "course": [c._asdict() for c in page.course],
        "recorded": sum(s.v1 is None for s in page.sessions),
        "slowest": [t._asdict() for t in slowest(page.sessions)],
        "failing": [t._asdict() for t in failing(page.sessions)],
        "archives": [
            {
                "name": a.fact.name,
                "month": a.fact.month,
                "diffs": len(a.fact.keys),
                "loose": a.loose,
                "size": a.fact.size,
                "here": a.here,
            }
            for a in page.archives
        ],
        "with_diffs": page.diffs is not None,
        "quarters": list(page.quarters),
    }


def _row(session: Session, tokenizer: str) -> list[Any]:
    m, reference = session.metrics, reference_of(session)
    return [
        session.key,
        session.agent,
        session.task,
        session.status,
        session.remark,
        session.title,
        session.notes,
        m.lines_added,
        m.lines_removed,
        m.commits,
        m.duration_min,
        m.tokens_used,
        session.v1.tokens.get(tokenizer) if session.v1 else None,
        encode_metrics(reference.metrics),
        reference.diff,
        session.patch.size if session.patch else None,
    ]


def _saved(report: TokenReport) -> dict[str, Any]:
    """Return the figures of `verify`."""
    return {
        "baselines": [
            {
                "name": b.name,
                "unit": "words" if b.name == "words" else "tokens",
                "before": b.before,
                "after": b.after,
                "saved": b.reduction,
                "what": b.what,
            }
            for b in report.baselines
        ],
        "judged": report.judged,
        "met": report.gate_met,
        "threshold": report.limits.threshold,
        "judged_from": JUDGED_FROM * report.limits.context,
        "over": list(report.over_budget),
    }


def filled(frame: str, slots: Mapping[str, str]) -> str:
    return _SLOT.sub(lambda m: slots[m["name"]], frame)
