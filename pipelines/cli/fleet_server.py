"""Serve the verbs of a fleet: load the command line once, and fork a process for each verb.

`pipelines.fleet.child` starts this process.
"""

from __future__ import annotations

import os
import sys

from pipelines.cli import main as program
from pipelines.fleet.launch import serve


def main() -> None:
    """Serve until the worker ends; in a child, run its verb."""
    command = serve(sys.argv[1:], program.run)
    if command is not None:
        sys.argv = [os.path.abspath(program.__file__), *command]
        program.main()
