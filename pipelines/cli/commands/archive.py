"""`session-codec archive`, and what it does with archives that are there."""

from __future__ import annotations

import os
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import click

from codec.archive.frames import PROFILES
from codec.errors import IntegrityError
from codec.timestamps import is_canonical
from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.output import (
    Stages,
    findings_json,
    say,
    say_json,
    table,
    tell,
    tell_findings,
)
from pipelines.diffs.local_archives import archive_folder, list_archives, shown
from pipelines.errors import FINDINGS, Erased, NotFound, exit_code
from pipelines.settings.user import ignored_findings, read_settings
from pipelines.verbs.archive import Plan, Request, Result, archive, plan
from pipelines.verbs.archive_files import extract, repair, verify_archives
from pipelines.workspace.location import find, locate
from pipelines.workspace.reading import read_manifest

_MONTH = re.compile(r"\d{4}-(?:0[1-9]|1[0-2])", re.ASCII)
_AGE = re.compile(r"(?P<days>\d{1,5})d", re.ASCII)


class _Packs(click.Group):
    """`archive REPO` packs; `archive ls`, `verify`, `extract` and `repair` are verbs of their own.

    A repository of one of these names is written `./ls`.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        named = bool(args) and args[0] in self.commands
        if not named and not (args and args[0] in ctx.help_option_names):
            args = ["pack", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Packs)
def command() -> None:
    """Pack the diffs of past months into archives, and look into them.

    Without a verb of its own it packs every complete month: see 'session-codec archive pack
    --help'. An archive is a .tar.zst that tar and zstd read, and 'show KEY --diff' as well.
    """


def _month(_ctx: object, _param: object, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if not _MONTH.fullmatch(value):
            raise click.BadParameter(f"{value!r} is no month: write it as 2025-11")
    return values


def _time(_ctx: object, _param: object, value: str | None) -> str | None:
    if value is not None and not (is_canonical(value) or _MONTH.fullmatch(value)):
        raise click.BadParameter(f"{value!r} is no time: write it as 2025-11-06 or 2025-11")
    return value


def _age(_ctx: object, _param: object, value: str | None) -> str | None:
    m = _AGE.fullmatch(value) if value is not None else None
    if value is not None and m is None:
        raise click.BadParameter(f"{value!r} is no age: write it as 30d")
    return _days_ago(int(m["days"])) if m else None


def _days_ago(days: int) -> str:
    try:
        return (datetime.now(UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
    except OverflowError:
        return ""


@command.command()
@options.repo
@click.option("--month", "months", multiple=True, callback=_month, help="This month; repeatable.")
@click.option("--before", callback=_time, metavar="TIME", help="Sessions before a day or month.")
@click.option("--older-than", callback=_age, metavar="30d", help="Sessions older than that.")
@click.option(
    "--profile",
    type=click.Choice(list(PROFILES)),
    default="small",
    show_default=True,
    help="How hard to compress.",
)
@click.option("--keep-loose", is_flag=True, help="Leave the diffs where they are as well.")
@options.allow_secret
@options.trust_repo_config
@click.option("--no-scan", is_flag=True, help="Do not look for secrets in what is packed.")
@click.option("--dry-run", is_flag=True, help="Say what would be packed; write nothing.")
@options.as_json
def pack(
    repo: str,
    months: tuple[str, ...],
    before: str | None,
    older_than: str | None,
    profile: str,
    keep_loose: bool,
    allow: tuple[str, ...],
    trust_repo_config: bool,
    no_scan: bool,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Pack the diffs of every complete month of REPO's workspace, then delete them.

    A diff is deleted only after its archive was written, read back and proved. Commit the manifest
    afterwards: it says which archives there are. A diff with what looks like a secret stays where
    it is, and the rest is packed. Exit 3 for such a diff, and where no diff is stored here.

    \b
    Examples:
      session-codec archive
      session-codec archive --month 2025-11 --profile fast
      session-codec archive --older-than 30d --dry-run
    """
    if before and older_than:
        raise click.UsageError("--before and --older-than: name one")
    this_month = datetime.now(UTC).strftime("%Y-%m")
    until = before or older_than or ("9999" if months else this_month)
    workspace = find(absolute(repo))
    settings = read_settings(workspace, {"allow": allow}, trust_repository=trust_repo_config)
    request = Request(
        workspace=workspace,
        before=until,
        months=months,
        profile=profile,
        keep_loose=keep_loose,
        allow=None if no_scan else settings.allow,
    )
    result = Result(plan=plan(request, Stages())) if dry_run else archive(request, Stages())
    findings = [*result.plan.findings, *ignored_findings(settings, "secrets")]
    code = FINDINGS if any(f.level == "finding" for f in findings) else 0
    if as_json:
        say_json("archive", {"exit": code, **_json(result), "findings": findings_json(findings)})
        return code
    tell_findings(findings)
    _say(result, dry_run)
    tell_next_step(workspace)
    return code


def _say(result: Result, dry_run: bool) -> None:
    made: Plan = result.plan
    if dry_run:
        for month, sources in made.months.items():
            say(f"{month}: {len(sources):,} diffs would be packed")
    for archive_fact, loose in result.packed:
        say(
            f"{shown(archive_fact.name)}: {len(archive_fact.keys):,} diffs,"
            f" {loose:,} -> {archive_fact.size:,} bytes"
        )
    if result.deleted:
        say(f"deleted here: {result.deleted:,} loose diffs")
    if result.packed:
        tell("Commit .session-codec/manifest.jsonl: it names the archives")
    if made.is_empty and not made.findings:
        say("nothing to pack")


def _json(result: Result) -> dict[str, Any]:
    made = result.plan
    return {
        "planned": {month: len(sources) for month, sources in made.months.items()},
        "packed": [{**_fact_json(p.archive), "loose_bytes": p.loose} for p in result.packed],
        "deleted": result.deleted,
        "absent": made.absent,
        "held": made.held,
    }


def _fact_json(fact: Any) -> dict[str, Any]:
    return {
        "name": fact.name,
        "month": fact.month,
        "sha256": fact.sha256,
        "bytes": fact.size,
        "diffs": len(fact.keys),
    }


@command.command()
@options.repo
@options.as_json
def ls(repo: str, as_json: bool) -> int:
    """The archives that the manifest names, and whether they are stored here."""
    workspace = find(absolute(repo))
    listed = list_archives(workspace, read_manifest(workspace))
    if as_json:
        rows = [{**_fact_json(a.fact), "loose_bytes": a.loose, "here": a.here} for a in listed]
        say_json("archive-ls", {"archives": rows})
        return 0
    if not listed:
        say("no archives")
        return 0
    cells = [("archive", "diffs", "bytes", "unpacked", "stored")]
    cells += [
        (a.fact.name, f"{len(a.fact.keys):,}", f"{a.fact.size:,}", f"{a.loose:,}",
         "here" if a.here else "not here")
        for a in listed
    ]  # fmt: skip
    for line in table(cells, frozenset((1, 2, 3))):
        say(line)
    return 0


@command.command()
@options.repo
@click.option("--name", "names", multiple=True, help="This archive; repeatable.")
@options.as_json
def verify(repo: str, names: tuple[str, ...], as_json: bool) -> int:
    """Read archives as wholes: every frame, every member, every hash. Exit 12 for damage."""
    done = verify_archives(find(absolute(repo)), names, Stages())
    code = exit_code(IntegrityError("")) if done.damaged else 0
    if as_json:
        fields = {"intact": done.intact, "absent": done.absent, "damaged": done.damaged}
        say_json(
            "archive-verify", {"exit": code, **fields, "findings": findings_json(done.findings)}
        )
        return code
    tell_findings(done.findings)
    counts = (len(done.intact), len(done.absent), len(done.damaged))
    say("archives: {:,} intact, {:,} absent here, {:,} damaged".format(*counts))
    return code


@command.command(name="extract")
@click.argument("archive_name", metavar="ARCHIVE")
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option("--to", "target", required=True, metavar="DIR", help="The folder to write into.")
@click.option("--repo", default=".", help="Whose archive, where ARCHIVE is no path.")
@options.as_json
def extract_command(
    archive_name: str, keys: tuple[str, ...], target: str, repo: str, as_json: bool
) -> int:
    """Take the diffs out of ARCHIVE, a path or a name of 'archive ls'; all, or those of KEYs.

    What is intact in a damaged archive comes out; exit 12 says that something did not. A diff that
    was purged in the workspace of --repo does not come out: exit 33.
    """
    path = absolute(archive_name)
    workspace = locate(absolute(repo))
    if not os.path.exists(path):
        path = os.path.join(archive_folder(find(absolute(repo))), archive_name)
    done = extract(path, absolute(target), keys, read_manifest(workspace))
    reasons = ((done.damage, IntegrityError), (done.missing, NotFound), (done.purged, Erased))
    code = next((exit_code(kind("")) for found, kind in reasons if found), 0)
    for damage in done.damage:
        tell(f"damaged: {damage.size} bytes from byte {damage.offset}: {damage.problem}")
    for key in done.missing:
        tell(f"not in it: {key}")
    for key in done.purged:
        tell(f"purged, and not written: {key}")
    if as_json:
        damage_json = [d._asdict() for d in done.damage]
        fields = {
            "paths": done.paths,
            "damage": damage_json,
            "missing": done.missing,
            "purged": done.purged,
        }
        say_json("archive-extract", {"exit": code, **fields})
    else:
        say(f"{len(done.paths):,} diffs in {absolute(target)}")
    return code


@command.command(name="repair")
@click.argument("archive_name", metavar="ARCHIVE")
@options.repo
@options.as_json
def repair_command(archive_name: str, repo: str, as_json: bool) -> int:
    """Make the index of ARCHIVE again from its frames; it gets the hash that was recorded."""
    mended = repair(find(absolute(repo)), archive_name)
    if as_json:
        say_json("archive-repair", {"archive": archive_name, "mended": mended})
    else:
        say(f"{archive_name}: {'mended' if mended else 'is as it should be'}")
    return 0
