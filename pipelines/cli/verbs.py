"""The verbs of the command line, in the order in which one meets them."""

from __future__ import annotations

from typing import Final

VERBS: Final = {
    "install": "Make a workspace and tell agents of it, with hooks; take it out again.",
    "context": "What an agent reads at its start: references and the newest sessions.",
    "record": "Record a session when its task is done: its diff, figures and notes.",
    "flush": "Write pending sessions to the tracked files, so that they can be committed.",
    "show": "One session: its reference entry, its diff, or its v1 entry.",
    "amend": "Change what is recorded of a session, or remove its texts.",
    "query": "Ask about the sessions: filter, group, sum, average.",
    "references": "Build and refresh PROJECT_REFERENCES.yaml from what the repository states.",
    "migrate": "Migrate a v1 log to references, diffs and metrics; prove that no byte is lost.",
    "archive": "Pack the diffs of past months; list, check, unpack and mend archives.",
    "sync": "Copy a workspace to a directory or an S3 bucket; send what is not there yet.",
    "restore": "Bring a workspace back from a remote, on an empty machine too.",
    "purge": "Erase the diff of one session, for good.",
    "verify": "Check every hash, and report how many tokens are saved.",
    "report": "Write one HTML file that shows what is saved, and what the agents did.",
    "doctor": "Find what is wrong with a workspace; --repair puts it right, without loss.",
    "restore-v1": "Give a migrated v1 log back, byte for byte.",
    "retire-v1": "Swap a migrated v1 log for a stub that names its successors.",
}
#: Called by other programs, not by people.
HIDDEN: Final = frozenset({"merge-driver"})
