"""`session-codec migrate`."""

from __future__ import annotations

import re
from datetime import UTC, timedelta, tzinfo
from datetime import timezone as timezone_of
from typing import TYPE_CHECKING, Final

from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.options import TOKENIZER_OPTION
from pipelines.system.worker.client import Worker

if TYPE_CHECKING:
    from codec.v1.dates import DateOrder

_OFFSET = re.compile(r"(?:UTC|GMT)?(?P<sign>[+-])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?")


def run(
    repo: str,
    sources: tuple[str, ...],
    dry_run: bool,
    strict: bool,
    reread: bool,
    dialect: str | None,
    heading_pattern: str | None,
    timezone: str,
    zones: tuple[str, ...],
    dates: DateOrder | None,
    tokenizer: str,
    as_json: bool,
) -> int:
    """Migrate the v1 log of REPO, and prove that no byte of it is lost.

    The log itself is not changed. Running migrate again adds new sessions and updates those whose
    entries changed. --reread also updates sessions that an older version of session-codec migrated.

    Examples:
      session-codec migrate
      session-codec migrate ~/src/app --dry-run
      session-codec migrate --from docs/SESSIONS.md --timezone Europe/Berlin
      session-codec migrate --from 'memory/*.md' --dates dmy --zone IST=+05:30
      session-codec migrate --heading-pattern '## (?P<time>\\S+) (?P<agent>\\S+): (?P<task>.*)'
    """
    _check_marking(dialect, heading_pattern)
    from codec.v1.dates import Clues

    clues = Clues(
        zone=_zone("--timezone", timezone), dates=dates or "", zones=dict(map(_zone_pair, zones))
    )
    # The worker takes a while to load its tokenizer, so it starts before other imports.
    with Worker(tokenizer) as worker:
        from pipelines.cli.commands.migrate_shown import run_migrate
        from pipelines.v1.logs import Request
        from pipelines.v1.source import find_sources
        from pipelines.workspace.location import locate

        workspace = locate(absolute(repo))
        request = Request(
            workspace=workspace,
            sources=tuple(path for s in sources for path in find_sources(workspace, s)),
            dialect=dialect,
            heading_pattern=heading_pattern,
            clues=clues,
            tokenizer=tokenizer,
            strict=strict,
            reread=reread,
        )
        return run_migrate(request, worker, dry_run=dry_run, as_json=as_json)


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option(
            "--from",
            "Migrate this log, folder of logs or pattern; repeatable.",
            to="sources",
            repeat=True,
            metavar="PATH",
        ),
        Option("--dry-run", "Plan and prove; write nothing.", flag=True),
        Option("--strict", "Write nothing if there are findings.", flag=True),
        Option(
            "--reread",
            "Update sessions that an older version of session-codec migrated.",
            flag=True,
        ),
        Option(
            "--dialect",
            "The form of the session headings, by its name in FORMATS.md.",
            metavar="FORM",
        ),
        Option(
            "--heading-pattern",
            "Your own form: a regular expression with a group time, or year, month and day.",
            metavar="REGEX",
        ),
        Option(
            "--timezone",
            "The time zone of times without a zone.",
            default="UTC",
            metavar="ZONE",
            shown=True,
        ),
        Option(
            "--zone",
            "The meaning of a zone abbreviation, for example IST=+05:30; repeatable.",
            to="zones",
            repeat=True,
            metavar="NAME=ZONE",
        ),
        Option(
            "--dates",
            "The order of day and month in dates such as 05/06/2026.",
            choices=("dmy", "mdy"),
        ),
        TOKENIZER_OPTION,
        JSON,
    ),
    exits={
        3: "migrated; findings in the log need attention",
        10: "the form of the log is unknown",
        20: "no log found",
        22: "the log changed while it was read",
    },
)


def _check_marking(dialect: str | None, pattern: str | None) -> None:
    """Refuse an unknown dialect and an invalid pattern."""
    if dialect is not None:
        from codec.v1.forms import FORMS

        known = [form.name for form in FORMS]
        if dialect not in known:
            raise Misuse(f"--dialect: unknown dialect {dialect!r} (choose from {', '.join(known)})")
    if pattern is not None:
        from codec.errors import FormatError
        from codec.v1.dialects import custom_dialect

        try:
            custom_dialect(pattern)
        except FormatError as e:
            raise Misuse(f"--heading-pattern: {e.problem}. {e.hint or ''}".strip()) from None


def _zone_pair(text: str) -> tuple[str, tzinfo]:
    """Return the abbreviation and the zone of `NAME=ZONE`."""
    name, _, zone = text.partition("=")
    if not name.strip() or not zone.strip():
        raise Misuse(f"--zone: expected NAME=ZONE, got {text!r}")
    return name.strip().upper(), _zone("--zone", zone.strip())


def _zone(option: str, name: str) -> tzinfo:
    """Return the zone of an offset or of a region's name."""
    m = _OFFSET.fullmatch(name)
    if m is not None:
        offset = timedelta(hours=int(m["hours"]), minutes=int(m["minutes"] or 0))
        return timezone_of(-offset if m["sign"] == "-" else offset)
    if name.upper() in ("UTC", "Z"):
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Misuse(f"{option}: no such time zone: {name}") from None
