"""Regular expressions that are compiled at their first use.

A pattern of dates in many languages takes milliseconds to compile, and most logs need only a few
of these patterns: together they would take longer than a small migration.
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    _Match = Callable[..., re.Match[str] | None]


class LazyPattern:
    """A regular expression that is compiled at its first use.

    Args:
        source: the pattern.
        flags: its flags.
    """

    def __init__(self, source: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        self.source: Final = source
        self.flags: Final = flags

    @cached_property
    def compiled(self) -> re.Pattern[str]:
        """Return the compiled pattern."""
        return re.compile(self.source, self.flags)

    @cached_property
    def match(self) -> _Match:
        """Return the method `match` of the compiled pattern."""
        return self.compiled.match

    @cached_property
    def fullmatch(self) -> _Match:
        """Return the method `fullmatch` of the compiled pattern."""
        return self.compiled.fullmatch

    @cached_property
    def sub(self) -> Callable[[str, str], str]:
        """Return the method `sub` of the compiled pattern."""
        return self.compiled.sub

    @cached_property
    def search(self) -> _Match:
        """Return the method `search` of the compiled pattern."""
        return self.compiled.search
