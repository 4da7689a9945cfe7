"""`session-codec archive`, and its verbs for existing archives."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import Any, Final

from codec.archive.frames import PROFILES
from codec.errors import IntegrityError
from codec.kinds import Key
from codec.shown_text import counted
from pipelines.cli.declared import JSON, REPO, Argument, Misuse, Option, Verb, absolute
from pipelines.cli.next_step import tell_next_step
from pipelines.cli.options import ALLOW_SECRET, TRUST_REPO_CONFIG
from pipelines.cli.output import (
    Stages,
    code_of,
    findings_json,
    say,
    say_json,
    say_table,
    tell,
    tell_findings,
)
from pipelines.cli.times import TIME_FORMS, read_age, read_month, read_time
from pipelines.diffs.local_archives import archive_folder, list_archives, shown
from pipelines.outcomes.errors import EXIT_CODES, Erased, NotFound, exit_code
from pipelines.verbs.archive import Plan, Request, Result, archive, plan
from pipelines.verbs.archive_files import extract, repair, verify_archives
from pipelines.workspace.location import find, locate
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.user_settings import ignored_findings, read_settings


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
    """Pack the diffs of every complete month of REPO's workspace into archives, then delete them.

    A diff is deleted only after its archive was written, read back and compared. Commit the
    manifest afterwards: it names the archives. A diff that seems to contain a secret stays loose;
    the others are packed. An archive is a .tar.zst that tar and zstd read; 'show KEY --diff' reads
    it as well.

    Examples:
      session-codec archive
      session-codec archive --month 2025-11 --profile fast
      session-codec archive --older-than 30d --dry-run
    """
    if before and older_than:
        raise Misuse("--before and --older-than exclude each other")
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
    code = code_of(findings)
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
            say(f"{month}: would pack {counted(len(sources), 'diff')}")
    for archive_fact, loose in result.packed:
        say(
            f"{shown(archive_fact.name)}: {counted(len(archive_fact.keys), 'diff')},"
            f" {loose:,} -> {archive_fact.size:,} bytes"
        )
    if result.deleted:
        say(f"deleted here: {counted(result.deleted, 'loose diff')}")
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


def ls(repo: str, as_json: bool) -> int:
    """List the archives that the manifest names, and whether they are stored here.

    Examples:
      session-codec archive ls
    """
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
    say_table(cells, frozenset((1, 2, 3)))
    return 0


def verify(repo: str, names: tuple[str, ...], as_json: bool) -> int:
    """Verify archives completely: every frame, every member, every hash.

    Examples:
      session-codec archive verify
    """
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
    say("archives: {:,} intact, {:,} missing locally, {:,} damaged".format(*counts))
    return code


def extract_command(
    archive_name: str, keys: tuple[Key, ...], target: str, repo: str, as_json: bool
) -> int:
    """Extract diffs from ARCHIVE, a path or a name in 'archive ls': all of them, or those of KEYs.

    From a damaged archive, all intact diffs are extracted. A diff that was purged in the workspace
    of --repo is not extracted.

    Examples:
      session-codec archive extract 2025-11-7c8a10e34dcc.tar.zst -o out
    """
    path = absolute(archive_name)
    workspace = locate(absolute(repo))
    if not os.path.exists(path):
        path = os.path.join(archive_folder(find(absolute(repo))), archive_name)
    done = extract(path, absolute(target), keys, read_manifest(workspace))
    reasons = ((done.damage, IntegrityError), (done.missing, NotFound), (done.purged, Erased))
    code = next((exit_code(kind("")) for found, kind in reasons if found), 0)
    for damage in done.damage:
        tell(f"damaged: {counted(damage.size, 'byte')} from byte {damage.offset}: {damage.problem}")
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
        say(f"{counted(len(done.paths), 'diff')} in {absolute(target)}")
    return code


def repair_command(archive_name: str, repo: str, as_json: bool) -> int:
    """Rebuild the index of ARCHIVE from its frames, so that it has the recorded hash again.

    Examples:
      session-codec archive repair 2025-11-7c8a10e34dcc.tar.zst
    """
    mended = repair(find(absolute(repo)), archive_name)
    if as_json:
        say_json("archive-repair", {"archive": archive_name, "mended": mended})
    else:
        say(f"{archive_name}: {'repaired' if mended else 'intact'}")
    return 0


_PACK: Final = Verb(
    pack,
    (REPO,),
    (
        Option(
            "--month",
            "Pack this month; repeatable.",
            to="months",
            read=read_month,
            metavar="MONTH",
            repeat=True,
        ),
        Option(
            "--before", f"Pack sessions before TIME: {TIME_FORMS}.", read=read_time, metavar="TIME"
        ),
        Option(
            "--older-than",
            "Pack sessions older than AGE: 30d, 12h or 2w.",
            read=read_age,
            metavar="AGE",
        ),
        Option(
            "--profile",
            "The compression profile.",
            choices=tuple(PROFILES),
            default="small",
            shown=True,
        ),
        Option("--keep-loose", "Keep the loose diffs as well.", flag=True),
        ALLOW_SECRET,
        TRUST_REPO_CONFIG,
        Option("--no-scan", "Do not scan for secrets.", flag=True),
        Option("--dry-run", "Print what would be packed; write nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "a diff stays loose: it seems to contain a secret, or is missing locally",
        12: "a written archive could not be read back",
        20: EXIT_CODES[20],
    },
)
VERB: Final = _PACK._replace(
    verbs={
        "pack": _PACK,
        "ls": Verb(ls, (REPO,), (JSON,), exits={20: EXIT_CODES[20]}),
        "verify": Verb(
            verify,
            (REPO,),
            (Option("--name", "Verify this archive; repeatable.", to="names", repeat=True), JSON),
            exits={12: "an archive is damaged", 20: EXIT_CODES[20]},
        ),
        "extract": Verb(
            extract_command,
            (
                Argument("archive_name", "ARCHIVE"),
                Argument("keys", "KEY", required=False, repeat=True),
            ),
            (
                Option(
                    "--output",
                    "Write the diffs into DIR.",
                    to="target",
                    short="-o",
                    former="--to",
                    metavar="DIR",
                    required=True,
                ),
                Option(
                    "--repo",
                    "The workspace that has ARCHIVE; not needed if ARCHIVE is a path.",
                    default=".",
                    metavar="REPO",
                ),
                JSON,
            ),
            exits={
                12: "the archive is damaged",
                30: "no such archive, or it has no such key",
                33: EXIT_CODES[33],
            },
        ),
        "repair": Verb(
            repair_command,
            (Argument("archive_name", "ARCHIVE"), REPO),
            (JSON,),
            exits={12: "the archive cannot be repaired", 30: "no such archive"},
        ),
    },
)
