"""Sessions that are decoded when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property

from codec.kinds import Key
from codec.manifest.jsonl import decode_fact
from codec.records import Session


class LateSessions(Mapping[Key, Session]):
    """Sessions by key; each is decoded at its first use."""

    def __init__(self, keys: Sequence[str], lines: Sequence[str]) -> None:
        """Keep the keys of sessions, each once, and their lines, which are valid."""
        self._keys = keys
        self._all = lines
        self._decoded: dict[Key, Session] = {}

    @cached_property
    def _lines(self) -> dict[Key, str]:
        return {Key(key): line for key, line in zip(self._keys, self._all, strict=True)}

    def __getitem__(self, key: Key) -> Session:
        """Return the session of a key."""
        found = self._decoded.get(key)
        if found is None:
            fact = decode_fact(self._lines[key])
            if not isinstance(fact, Session):
                raise KeyError(key)
            found = self._decoded[key] = fact
        return found

    def __iter__(self) -> Iterator[Key]:
        """Yield the keys, without decoding."""
        return iter(self._lines)

    def __len__(self) -> int:
        """Return the number of sessions."""
        return len(self._lines)
