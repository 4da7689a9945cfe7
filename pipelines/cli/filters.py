"""The options that select sessions, with the same names and meanings in all verbs."""

from __future__ import annotations

from typing import Final

from codec.records import STATUSES
from pipelines.cli.declared import Option, named
from pipelines.cli.times import TIME_FORMS, read_time

AGENT: Final = Option(
    "--agent", "Sessions of this agent; * and ? are wildcards.", read=named, metavar="NAME"
)
STATUS: Final = Option(
    "--status", "Sessions with this status.", choices=tuple(sorted(STATUSES)), metavar="WORD"
)
SINCE: Final = Option(
    "--since", f"Sessions from TIME on: {TIME_FORMS}.", read=read_time, metavar="TIME"
)
UNTIL: Final = Option(
    "--until", "Sessions up to TIME; a day or month is included.", read=read_time, metavar="TIME"
)
