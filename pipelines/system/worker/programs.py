"""Start a Python process that runs a function of ours."""

from __future__ import annotations

import sys


def python_program(module: str, function: str, *arguments: str) -> list[str]:
    """Return the command that calls a function of a module without arguments.

    The process imports from where this one does: a folder `codec` or `pipelines` in the working
    directory or on PYTHONPATH is not taken for ours.

    Args:
        module: with the function.
        function: its name.
        arguments: what the process finds in `sys.argv` after its first element.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; import {module} as m; m.{function}()"
    return [sys.executable, "-P", "-c", code, *arguments]
