"""`session-codec restore-v1`."""

from __future__ import annotations

import codecs
import sys
from typing import Any

import click

from pipelines.cli import options
from pipelines.cli.declared import absolute
from pipelines.cli.output import findings_json, say, say_json, tell, tell_findings, visible
from pipelines.cli.remote_options import opener, remote_options
from pipelines.errors import FINDINGS
from pipelines.transfer.remote_reader import RemoteCopy
from pipelines.verbs.restore_v1 import apply, plan
from pipelines.workspace.location import find


@click.command()
@options.repo
@click.option("-o", "--output", metavar="FILE", help="Write it there; else it goes to stdout.")
@click.option("--source", metavar="PATH", help="Which log, where several were migrated.")
@click.option("--version", metavar="SHA", help="Which version: its SHA-256 or the beginning of it.")
@remote_options
@options.as_json
def command(
    repo: str,
    output: str | None,
    source: str | None,
    version: str | None,
    trust_repo_config: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Give a migrated v1 log back, byte for byte: the retired version, else the last seen.

    The whole is checked before the first byte is written. What is no longer here comes from the
    remote, if one is named. One line marks the gap of each purged diff: exit 3.

    \b
    Examples:
      session-codec restore-v1 -o AGENT_PROGRESS_LOG.md
      session-codec restore-v1 --version 3fa1 > old.md
    """
    if as_json and output is None:
        raise click.UsageError("--json needs --output: stdout cannot hold both")
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
