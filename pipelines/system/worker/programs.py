"""Start a Python process that runs one of our functions."""

from __future__ import annotations

import sys


def python_program(module: str, function: str, *arguments: str) -> list[str]:
    """Return the command that calls a function of a module without arguments.

    The process imports from the same place as this one: folders `codec` and `pipelines` in the
    working directory or on PYTHONPATH are ignored.

    Args:
        module: the module with the function.
        function: its name.
        arguments: the arguments of the process, in `sys.argv` after the first element.
    """
    code = f"import sys; sys.path[:] = {sys.path!r}; import {module} as m; m.{function}()"
    return [sys.executable, "-P", "-c", code, *arguments]
