"""Name the next step after a verb wrote tracked files."""

from __future__ import annotations

import os
import sys

from pipelines.cli.output import tell
from pipelines.outcomes.errors import PipelineError
from pipelines.workspace.location import Workspace


def tell_next_step(workspace: Workspace) -> None:
    """Print the commands that commit the written files; on a terminal only, and once."""
    if workspace.repository is None or not sys.stderr.isatty():
        return
    from pipelines.workspace.commit import uncommitted

    try:
        names = uncommitted(workspace)
    except PipelineError:  # the verb is done; the next one reports the problem with git
        return
    if names:
        import shlex

        below = os.path.relpath(workspace.root)
        paths = (os.path.normpath(os.path.join(below, name)) for name in names)
        tell(f"Commit: git add {shlex.join(paths)} && git commit")
