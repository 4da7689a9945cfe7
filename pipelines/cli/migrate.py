"""`session-codec migrate`."""

from __future__ import annotations

from datetime import UTC, tzinfo

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.worker import Worker


def _dialect(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """One of the known forms; they are only loaded where one is named."""
    if value is None:
        return None
    from codec.v1_dialects import FORMS

    known = [form.name for form in FORMS]
    if value not in known:
        raise click.BadParameter(f"{value!r} is none of {', '.join(known)}")
    return value


def _pattern(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """A pattern that can be used."""
    if value is None:
        return None
    from codec.errors import FormatError
    from codec.v1_dialects import custom_dialect

    try:
        custom_dialect(value)
    except FormatError as e:
        raise click.BadParameter(f"{e.problem}. {e.hint or ''}".strip()) from None
    return value


@click.command()
@options.repo
@click.option(
    "--from", "sources", multiple=True, metavar="FILE", help="A log to migrate; repeatable."
)
@click.option("--dry-run", is_flag=True, help="Plan and prove, write nothing.")
@click.option("--strict", is_flag=True, help="Write nothing where there are findings.")
@click.option(
    "--dialect",
    callback=_dialect,
    metavar="FORM",
    help="The form of the session headings, as FORMATS.md names it.",
)
@click.option(
    "--heading-pattern",
    callback=_pattern,
    metavar="REGEX",
    help="Your own form: a pattern with a group named time.",
)
@click.option(
    "--timezone", default="UTC", show_default=True, help="The zone of times that name none."
)
@options.tokenizer
@options.as_json
def command(
    repo: str,
    sources: tuple[str, ...],
    dry_run: bool,
    strict: bool,
    dialect: str | None,
    heading_pattern: str | None,
    timezone: str,
    tokenizer: str,
    as_json: bool,
) -> int:
    """Migrate the v1 log of REPO, and prove that no byte of it is lost.

    The log itself is not changed. Running it again adds what is new and nothing else.

    \b
    Examples:
      session-codec migrate
      session-codec migrate ~/src/app --dry-run
      session-codec migrate --from docs/SESSIONS.md --timezone Europe/Berlin
      session-codec migrate --heading-pattern '## (?P<time>\\S+) (?P<agent>\\S+): (?P<task>.*)'
    """
    zone = _zone(timezone)
    # The worker takes a while to load its tokenizer: it begins before the rest is imported.
    with Worker(tokenizer) as worker:
        from pipelines.cli.migrate_shown import run_migrate
        from pipelines.migrate import Request
        from pipelines.workspace import locate

        request = Request(
            workspace=locate(absolute(repo)),
            sources=tuple(absolute(s) for s in sources),
            dialect=dialect,
            heading_pattern=heading_pattern,
            zone=zone,
            tokenizer=tokenizer,
            strict=strict,
        )
        return run_migrate(request, worker, dry_run=dry_run, as_json=as_json)


def _zone(name: str) -> tzinfo:
    if name.upper() in ("UTC", "Z"):
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise click.BadParameter(f"no such time zone: {name}", param_hint="--timezone") from None
