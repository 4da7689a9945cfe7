"""Set up a workspace and its agents (blocks, hooks, servers), or remove all of it.

1. The content of a user's file stays, byte for byte; a removal restores the former bytes. A file
   that was created, and that has nothing else, is deleted.
2. A second run changes nothing. An interrupted run is completed by the next.
3. Nothing is written through a link that leaves the repository, or into `.git`.
4. Sessions are never removed: a workspace with facts stays, and git still ignores its diffs.
5. A file that cannot be changed is a finding, and the others are still changed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from codec.agents.guide_block import (
    GUIDE,
    IMPORT,
    block_state,
    imports_agents,
    with_block,
    without_block,
)
from codec.agents.hook_settings import PROGRAM
from codec.agents.server_settings import NAME
from codec.errors import FormatError
from codec.manifest.fact_lines import read_fact, split_lines
from codec.manifest.facts import Fact, Kept, ReferencesBuilt
from codec.manifest.jsonl import encode_fact
from codec.tokens.tokenizers import DEFAULT
from codec.v2.metrics import HEADER
from codec.v2.progress_log import TITLE
from pipelines.outcomes.findings import Finding
from pipelines.recording.agent_hooks import HOOKS, hooked, unhooked
from pipelines.recording.agent_servers import SERVERS, served, unserved
from pipelines.references.sources import first_build, read_stated
from pipelines.system.fs.files import read_bytes, remove, remove_folder
from pipelines.system.fs.user_files import Change, Edit, check_edits, edit_of, write_edits
from pipelines.system.worker.tokenizer import load
from pipelines.v1.rules import read_rules
from pipelines.workspace.journal import recover
from pipelines.workspace.location import (
    DELTAS,
    MANIFEST,
    METRICS,
    PROGRESS,
    REFERENCES,
    V1_LOG,
    Workspace,
    writing,
)
from pipelines.workspace.merge_driver_setup import (
    configure_merge,
    merges_by_record,
    unconfigure_merge,
)
from pipelines.workspace.reading import read_manifest
from pipelines.workspace.thresholds import REFERENCES_BUDGET
from pipelines.workspace.tracked_files import (
    git_appends,
    kept_facts,
    session_appends,
    without_git_lines,
)
from pipelines.workspace.transaction import Append, Transaction

#: The plugin for Claude Code in this package: the same hooks, and a skill.
PLUGIN: Final = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "plugin")
AGENTS: Final = "AGENTS.md"
CLAUDE: Final = "CLAUDE.md"


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """The plan of an installation.

    Attributes:
        workspace: the workspace to set up.
        appends: the lines to append to the tracked files, which are created if missing.
        edits: the edits of user-owned files, and of files that are deleted.
        findings: files that cannot be changed, and files that are left as they are.
        driver: git's settings change, so that it merges the files record by record.
        removal: everything is removed.
        clear: the workspace has no facts, so its own folder is deleted as well.
    """

    workspace: Workspace
    appends: tuple[Append, ...] = ()
    edits: tuple[Edit, ...] = ()
    findings: tuple[Finding, ...] = ()
    driver: bool = False
    removal: bool = False
    clear: bool = False

    def changes(self) -> list[tuple[str, str]]:
        """Yield each file that changes, and its change."""
        appended = [
            (a.path, "changed" if os.path.exists(self.workspace.path(a.path)) else "created")
            for a in self.appends
        ]
        driver = [(".git/config", "changed")] if self.driver else []
        return [*appended, *((e.path, e.what) for e in self.edits), *driver]


def plan(
    workspace: Workspace,
    *,
    hooks: Sequence[str] = (),
    program: str = PROGRAM,
    servers: Sequence[str] = (),
    command: str = NAME,
) -> Plan:
    """Return the plan of an installation, without changing anything.

    Args:
        workspace: the workspace, which need not exist yet.
        hooks: the agents of `HOOKS` that get hooks.
        program: the command by which a hook calls our hook program.
        servers: the agents of `SERVERS` that get the MCP server.
        command: the command with which an agent starts our program.
    """
    edits: list[Edit] = []
    findings: list[Finding] = []
    wanted = [*_wanted(workspace, hooks, program)]
    wanted += [(SERVERS[agent].path, served(agent, command)) for agent in servers]
    for path, change in wanted:
        _edit(workspace, path, change, edits, findings)
    return Plan(
        workspace=workspace,
        appends=tuple(_appends(workspace)),
        edits=tuple(edits),
        findings=tuple(findings),
        driver=workspace.repository is not None and not merges_by_record(workspace, as_now=True),
    )


def plan_removal(workspace: Workspace) -> Plan:
    """Return the plan of a complete removal, without changing anything."""
    edits: list[Edit] = []
    findings: list[Finding] = []
    for path in (AGENTS, CLAUDE, *(h.guide for h in HOOKS.values() if h.guide)):
        _edit(workspace, path, _unblocked, edits, findings)
    for path in _hook_files():
        _edit(workspace, path, unhooked, edits, findings)
    for agent, servers in SERVERS.items():
        _edit(workspace, servers.path, unserved(agent), edits, findings)
    clear = workspace.exists and _holds_nothing(workspace)
    if clear:
        for path, change in _cleared(workspace):
            _edit(workspace, path, change, edits, findings)
    return Plan(
        workspace=workspace,
        edits=tuple(edits),
        findings=tuple(findings),
        driver=merges_by_record(workspace),
        removal=True,
        clear=clear,
    )


def _holds_nothing(workspace: Workspace) -> bool:
    """Return True if the manifest has no facts except those of references and the user's rows."""
    lines = {*split_lines(read_bytes(workspace.path(MANIFEST)))} - {b"\n"}
    return all(isinstance(read_fact(line), Kept | ReferencesBuilt) for line in lines)


def apply(made: Plan) -> None:
    """Write the plan under the lock.

    Raises:
        Conflict: a file changed since the plan was made.
    """
    workspace = made.workspace
    if made.appends or made.edits or made.clear:
        with writing(workspace):
            recover(workspace)
            check_edits(made.edits)
            if made.appends:
                _append(workspace, made.appends)
            write_edits(made.edits)
    # It changes nothing if the settings are right.
    (unconfigure_merge if made.removal else configure_merge)(workspace)
    if made.clear:
        _remove_folders(workspace)


def _wanted(
    workspace: Workspace, hooks: Sequence[str], program: str
) -> Iterator[tuple[str, Change]]:
    """Yield the agents' files and their changes; a file that a link leads to is named once."""
    yield AGENTS, _blocked(GUIDE)
    same = os.path.realpath(workspace.path(CLAUDE)) == os.path.realpath(workspace.path(AGENTS))
    if not same:
        yield CLAUDE, _importing
    for agent in hooks:
        if HOOKS[agent].guide:
            yield HOOKS[agent].guide, _importing
        yield HOOKS[agent].path, hooked(agent, program, shared=True)
        if HOOKS[agent].local:
            yield HOOKS[agent].local, hooked(agent, program, shared=False)


def _hook_files() -> list[str]:
    """Return the paths of settings that may have our hooks."""
    return [path for hooks in HOOKS.values() for path in (hooks.local, hooks.path) if path]


def _edit(
    workspace: Workspace,
    path: str,
    change: Change,
    edits: list[Edit],
    findings: list[Finding],
) -> None:
    """Add the edit of a file, or a finding if it is refused."""
    absolute = workspace.path(*path.split("/"))
    target = os.path.realpath(absolute)
    if any(edit.target == target for edit in edits):
        return
    agents = path in {*_hook_files(), *(servers.path for servers in SERVERS.values())}
    try:
        edit = edit_of(
            absolute,
            within=workspace.repository or workspace.root,
            shown=path,
            change=change,
            folders=_folders(workspace, path) if agents else (),
        )
    except FormatError as e:
        findings.append(
            Finding(code="left-alone", message=e.problem, file=path, line=e.line, hint=e.hint)
        )
        return
    if edit.after != edit.before:
        edits.append(edit)
    elif edit.before is not None and change is not _unblocked and _is_edited(edit.before):
        findings.append(
            Finding(
                code="edited-block",
                message="the text between the marks was edited; it is left as it is",
                level="note",
                file=path,
                hint="Remove the block and run 'session-codec install' again to renew it",
            )
        )


def _folders(workspace: Workspace, path: str) -> tuple[str, ...]:
    """Return the folders above a file of an agent, the innermost first."""
    names = path.split("/")[:-1]
    return tuple(workspace.path(*names[:n]) for n in range(len(names), 0, -1))


def _text(data: bytes | None) -> bytes | None:
    """Return the content of a file if it can have a block; else None."""
    if data is not None and b"\0" in data:
        raise FormatError("not UTF-8 text; no block is added", hint="Convert it to UTF-8")
    return data


def _blocked(text: str) -> Change:
    return lambda data: with_block(_text(data), text)


def _importing(data: bytes | None) -> bytes | None:
    """Return a file that imports `AGENTS.md`, for an agent that does not read `AGENTS.md`."""
    if data is None:
        return with_block(None, IMPORT)
    has_import = block_state(_text(data) or b"", IMPORT) == "current"
    return data if has_import or imports_agents(data) else with_block(data, GUIDE)


def _unblocked(data: bytes | None) -> bytes | None:
    if data is None:
        return None
    if _is_edited(data):
        raise FormatError(
            "the text between the marks was edited; it is left as it is", hint="Remove it by hand"
        )
    return without_block(data)


def _is_edited(data: bytes) -> bool:
    with suppress(FormatError):  # reported where the block is changed
        return block_state(data, GUIDE) == "edited"
    return False


def _appends(workspace: Workspace) -> Iterator[Append]:
    """Yield the appends that create a workspace; for an existing one, only git's lines."""
    sources = read_manifest(workspace).sources()
    if not workspace.exists:
        build = None if os.path.exists(workspace.path(REFERENCES)) else _references(workspace)
        facts: list[Fact] = [*kept_facts(workspace), *([build[1]] if build else [])]
        yield Append(path=MANIFEST, chunks=[f"{encode_fact(fact)}\n".encode() for fact in facts])
        yield from session_appends(workspace, [])
        if build:
            yield Append(path=REFERENCES, chunks=[build[0]])
    if os.path.exists(workspace.path(V1_LOG)):
        sources.append(V1_LOG)
    yield from git_appends(workspace, sources)


def _references(workspace: Workspace) -> tuple[bytes, ReferencesBuilt]:
    """Return the references of a new workspace, and the fact of their build."""
    rules = read_rules(workspace, read_manifest(workspace)).texts
    stated = read_stated(workspace.root, workspace.repository, rules)
    return first_build(stated, (), load(DEFAULT), REFERENCES_BUDGET)


def _cleared(
    workspace: Workspace,
) -> Iterator[tuple[str, Change]]:
    """Yield the files to delete from a workspace without facts; deleting them loses nothing."""

    def goes_if(*contents: bytes) -> Change:
        return lambda data: None if data in contents else data

    yield REFERENCES, goes_if(_references(workspace)[0])
    yield METRICS, goes_if(f"{HEADER}\n".encode())
    yield PROGRESS, goes_if(f"{TITLE}\n\n".encode())
    yield DELTAS, goes_if(b"")
    yield MANIFEST, lambda _: None
    if workspace.repository is not None:
        for name in (".gitignore", ".gitattributes"):
            yield name, lambda data: without_git_lines(data) if data is not None else None


def _append(workspace: Workspace, appends: Sequence[Append]) -> None:
    with Transaction(workspace, "install") as transaction:
        transaction.prepare(appends)
        transaction.commit()


def _remove_folders(workspace: Workspace) -> None:
    """Delete the folders of a workspace without facts, unless a worktree or the spool uses them."""
    home = workspace.path(".session-codec")
    remove_folder(os.path.join(home, "cache"))
    if os.path.dirname(workspace.lock) == home:
        remove(workspace.lock)
    for folder in (os.path.join(home, "spool"), home, workspace.diffs):
        with suppress(OSError):  # folders that are not empty stay
            os.rmdir(folder)
