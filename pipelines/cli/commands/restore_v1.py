"""`session-codec restore-v1`."""

from __future__ import annotations

import codecs
import sys
from typing import Any, Final

from pipelines.cli.declared import JSON, REPO, Misuse, Option, Verb, absolute
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings, visible
from pipelines.cli.remote_options import REMOTE_OPTIONS, opener
from pipelines.outcomes.errors import EXIT_CODES, FINDINGS
from pipelines.transfer.remote_reader import RemoteCopy
from pipelines.verbs.restore_v1 import apply, plan
from pipelines.workspace.location import find


def run(
    repo: str,
    output: str | None,
    source: str | None,
    version: str | None,
    trust_repo_config: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Restore a migrated v1 log, byte for byte: the retired version, else the newest one.

    The whole log is verified before the first byte is written. Parts that are missing locally are
    read from the remote, if one is named. In place of each purged diff, one line marks the gap.

    Examples:
      session-codec restore-v1 -o AGENT_PROGRESS_LOG.md
      session-codec restore-v1 --version 3fa1 > old.md
    """
    if as_json and output is None:
        raise Misuse("--json needs --output: the log and the document cannot both go to stdout")
    workspace = find(absolute(repo))
    made = plan(
        workspace,
        source=source,
        version=version,
        output=absolute(output) if output else None,
        copy=RemoteCopy(workspace, opener(workspace, given, trust_repo_config)),
    )
    if sys.stdout.isatty():
        text = codecs.iterdecode(apply(made), "utf-8", errors="replace")
        sys.stdout.writelines(map(visible, text))
    else:
        sys.stdout.buffer.writelines(apply(made))
    sys.stdout.flush()
    chosen = made.version
    findings = made.findings()
    tell_findings(findings)
    code = FINDINGS if findings else 0
    if as_json:
        fields = {"source": chosen.source, "sha256": chosen.sha256, "bytes": chosen.size}
        fields |= {"output": made.output, "findings": findings_json(findings)}
        say_json("restore-v1", {"exit": code, **fields})
    elif made.output:
        say(f"{made.output}: {chosen.source} as it was seen {chosen.seen}, {chosen.size:,} bytes")
    else:
        tell(f"{chosen.source} as it was seen {chosen.seen}, {chosen.size:,} bytes")
    return code


VERB: Final = Verb(
    run,
    (REPO,),
    (
        Option("--output", "Write the log to FILE instead of stdout.", short="-o", metavar="FILE"),
        Option("--source", "Restore this log, if several were migrated.", metavar="PATH"),
        Option("--version", "Restore this version: its SHA-256 or a prefix of it.", metavar="SHA"),
        *REMOTE_OPTIONS,
        JSON,
    ),
    exits={
        3: "a diff was purged; a line marks the gap",
        12: "the bytes differ from those that were migrated",
        20: EXIT_CODES[20],
        30: "no such version, or a part is missing locally",
    },
)
