"""`session-codec export`."""

from __future__ import annotations

from typing import Any, Final

from codec.shown_text import counted
from codec.tables.catalog import FORMATS
from pipelines.cli.commands.spooled import workspace_of
from pipelines.cli.declared import JSON, REPO, Argument, Option, Verb, absolute, text_of
from pipelines.cli.options import ALLOW_SECRET
from pipelines.cli.output import Stages, code_of, findings_json, say, say_json, tell_findings
from pipelines.cli.remote_options import open_tables
from pipelines.outcomes.errors import EXIT_CODES
from pipelines.system.worker.tokenizer import load
from pipelines.verbs.export import Request, Rows, apply, apply_rows, check_installed, plan
from pipelines.workspace.user_settings import read_settings

#: A file with the rows of all tables, which `fleet` collects.
ROWS: Final = "rows"


def run(
    target: str,
    repo: str,
    form: str,
    redact: bool,
    name: str | None,
    endpoint_url: str | None,
    allow: tuple[str, ...],
    dry_run: bool,
    as_json: bool,
) -> int:
    """Write REPO's sessions into tables: Parquet, CSV or JSON lines, in a folder or an S3 bucket.

    The tables 'sessions', 'edits', 'usage' and 'repos' hold the rows of many repositories; only
    those of REPO are replaced. If nothing has changed, exporting again writes nothing. Sessions
    whose texts were removed on purpose, and those that change a path listed in [private] paths, are
    only counted. Text that looks like a secret is replaced.

    Examples:
      session-codec export --to parquet ../tables
      session-codec export --to parquet s3://bucket/tables ~/src/app
      session-codec export --to csv --redact ../redacted-tables
      session-codec query --tables ../tables --sql "SELECT month, count(*) FROM sessions GROUP BY 1"
    """
    if form != ROWS:
        check_installed()
    workspace = workspace_of(repo)
    settings = read_settings(workspace, {"allow": allow})
    remote = None
    if form != ROWS:
        remote = open_tables({"remote": target, "endpoint_url": endpoint_url}, workspace)
    progress = Stages()
    request = Request(
        workspace=workspace,
        repository=text_of(name) if name else None,
        redact=redact,
        private_paths=settings.private_paths,
        allow=settings.allow,
    )
    made = plan(request, load, progress)
    code = code_of(made.findings)
    found: dict[str, Any] = {"written": [], "deleted": [], "bytes": 0, "changed": []}
    if not dry_run:
        if remote is None:
            found |= {"written": [target], "bytes": apply_rows(made, absolute(target))}
        else:
            done = apply([made], remote, FORMATS[FORMATS.index(form)], progress)
            found = {
                "written": done.written,
                "deleted": done.deleted,
                "bytes": done.size,
                "changed": done.changed,
                "tables": dict(done.rows),
                "requests": dict(remote.requests),
            }
    if as_json:
        fields = {"repository": made.head.repository, "rows": _counts(made), **found}
        say_json("export", {"exit": code, **fields, "findings": findings_json(made.findings)})
        return code
    tell_findings(made.findings)
    _say(made, target, found, dry_run)
    return code


VERB: Final = Verb(
    run,
    (Argument("target", "DIR|s3://BUCKET/PREFIX"), REPO),
    (
        Option(
            "--to",
            "The format of the files; 'rows' is one file of JSON lines, which 'fleet' collects.",
            to="form",
            choices=(*FORMATS, ROWS),
            required=True,
        ),
        Option("--redact", "Hash paths and tasks, and leave other texts out.", flag=True),
        Option(
            "--repository",
            "The name of the repository in the tables. [default: the address of its origin]",
            to="name",
            metavar="NAME",
        ),
        Option("--endpoint-url", "The address of an S3-compatible store.", metavar="URL"),
        ALLOW_SECRET,
        Option("--dry-run", "Print what would be exported; write nothing.", flag=True),
        JSON,
    ),
    exits={
        3: "lines that cannot be read were left out, or a text seemed to contain a secret",
        12: "a part of the tables is damaged",
        20: EXIT_CODES[20],
        22: "the folder holds tables of another format",
        30: "pyarrow is not installed, or the folder does not exist",
        31: EXIT_CODES[31],
        32: EXIT_CODES[32],
    },
)


def _counts(made: Rows) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in made.rows:
        counts[row.table] = counts.get(row.table, 0) + 1
    return counts


def _say(made: Rows, target: str, found: dict[str, Any], dry_run: bool) -> None:
    counts = ", ".join(f"{table} {count:,}" for table, count in _counts(made).items())
    if dry_run:
        say(f"would export {made.head.repository}: {counts}")
        return
    for name in found["written"]:
        say(f"wrote {name}")
    state = f"{counted(len(found['written']), 'file')}, {found['bytes']:,} bytes"
    if not found["written"]:
        state = "unchanged; nothing was written"
    say(f"{target}: {made.head.repository}: {counts}; {state}")
