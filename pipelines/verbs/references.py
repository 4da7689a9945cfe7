"""Build and refresh the references: the repository's statements, merged with the user's edits.

1. The plan (`refreshing`) only reads. If no statement changed, no file changes.
2. The file and the fact of its build change in one transaction (`journal`): otherwise built values
   would look like the user's edits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from codec.manifest.jsonl import encode_fact
from pipelines.recording.flushing import begin_writing
from pipelines.references.plan import Plan, Request, plan
from pipelines.workspace.journal import is_pending
from pipelines.workspace.location import MANIFEST, REFERENCES, writing
from pipelines.workspace.transaction import Append, Replace, Transaction


@dataclass(frozen=True, kw_only=True, slots=True)
class Result:
    """The plan, the written paths, and the interrupted verb that was completed first."""

    plan: Plan
    written: list[str] = field(default_factory=list)
    recovered: str | None = None


def references(request: Request) -> Result:
    """Plan, then apply under the lock; write nothing if the plan is empty.

    Raises:
        FormatError: the references file is not valid.
        Conflict: it is a link.
    """
    workspace = request.workspace
    made = plan(request)
    if not made.is_stale and made.fact is None and not is_pending(workspace):
        return Result(plan=made)
    with writing(workspace):
        recovered = begin_writing(workspace)
        made = plan(request)
        return Result(plan=made, written=apply(made), recovered=recovered)


def apply(made: Plan) -> list[str]:
    """Write the plan under the lock; return the written paths."""
    if not made.is_stale and made.fact is None:
        return []
    appends, replaces = [], []
    if made.fact is not None:
        line = f"{encode_fact(made.fact)}\n".encode()
        appends.append(Append(path=MANIFEST, chunks=[line], torn=made.torn))
    if made.is_stale:
        replaces.append(
            Replace(path=REFERENCES, before=made.before or b"", after=made.after or b"")
        )
    with Transaction(made.workspace, "references") as transaction:
        transaction.prepare(appends, replaces)
        transaction.commit()
    return [*(r.path for r in replaces), *(a.path for a in appends)]
