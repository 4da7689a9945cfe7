"""The verbs of the command line, in the order in which a user needs them."""

from __future__ import annotations

from typing import Final

VERBS: Final = {
    "install": "Create a workspace, set up agents and hooks, schedule jobs; undo it.",
    "context": "Print what an agent reads at its start: references and newest sessions.",
    "brief": "Print what the next agent has to know after a session.",
    "record": "Record a session when its task is done: its diff, figures and notes.",
    "flush": "Write pending sessions to the tracked files, so that they can be committed.",
    "show": "Show one session: its reference entry, its diff, or its v1 entry.",
    "find": "Find sessions by words in their task, notes, paths and diffs.",
    "why": "Name the sessions behind a file or a line, with graded evidence.",
    "mcp": "Serve find, read and context to coding agents over MCP.",
    "amend": "Correct the record of a session, or remove its texts.",
    "query": "Query the sessions: filter, group, sum, average.",
    "export": "Write the sessions into tables: Parquet, CSV or JSON lines.",
    "fleet": "Run verbs over many repositories, and report on them.",
    "references": "Build and refresh PROJECT_REFERENCES.yaml from the repository's files.",
    "import": "Import sessions from the transcripts that coding agents keep.",
    "migrate": "Migrate a v1 log to references, diffs and metrics; prove that no byte is lost.",
    "archive": "Pack the diffs of past months; list, verify, unpack and repair archives.",
    "sync": "Copy a workspace to a directory or an S3 bucket; upload only missing objects.",
    "restore": "Restore a workspace from a remote, even into an empty folder.",
    "purge": "Erase the diff of one session permanently.",
    "verify": "Verify every hash, and report how many tokens are saved.",
    "report": "Write one HTML file that shows the savings and the agents' work.",
    "summarize": "Report what was done in a quarter, month, week or range of days.",
    "doctor": "Find the problems of a workspace; repair them without loss with --repair.",
    "restore-v1": "Restore a migrated v1 log, byte for byte.",
    "retire-v1": "Replace a migrated v1 log with a stub that points agents to its history.",
    "completion": "Print shell completion for bash, zsh or fish.",
}
#: Called by other programs, not by users.
HIDDEN: Final = frozenset({"merge-driver"})
