"""How fast tokens are counted, beside tiktoken on a sample of the same patches.

Speed is that of one thread once the vocabulary is loaded; what loading takes is in `migrate`.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from bench.process import apart
from bench.table import Row
from bench.tiktoken_counter import TiktokenCounter
from bench.verbs import Setting
from codec.tokens.tokenizers import Counter, counter

_PATCH: Final = re.compile(rb"^```diff\n(.*?\n)```$", re.M | re.S)
_BATCH: Final = 256
#: One patch in so many is counted with tiktoken, too.
_SAMPLE: Final = 20
_TARGET: Final = 50


def tokens(setting: Setting) -> Iterator[Row]:
    """Megabytes of patches counted in a second, on one thread."""
    yield apart(_row, setting.log, len(setting.turns()))


def _row(log: Path, runs: int) -> Row:
    patches = [m[1].decode(errors="replace") for m in _PATCH.finditer(log.read_bytes())]
    sample = patches[::_SAMPLE]
    ours = counter()
    theirs = TiktokenCounter(ours.name)
    equal = ours.count(sample) == theirs.count(sample)  # and both are warm
    times = [
        (_seconds(ours, patches), _seconds(ours, sample), _seconds(theirs, sample))
        for _ in range(runs)
    ]
    size, sample_size = _megabytes(patches), _megabytes(sample)
    seconds = median(t[0] for t in times)
    speed = size / seconds
    millions = sum(ours.count(patches)) / seconds / 1e6
    their_speed = sample_size / median(t[2] for t in times)
    return Row(
        name="tokens",
        measured=f"codec.tokens.tokenizers {speed:.0f} MB/s, {millions:.0f} M tokens/s",
        yardstick=f"tiktoken {their_speed:.1f} MB/s",
        ratios=[our_time / their_time for _, our_time, their_time in times],
        target=f">= {_TARGET} MB/s, {'equal counts' if equal else 'COUNTS DIFFER'}",
        met=speed >= _TARGET and equal,
    )


def _seconds(count: Counter, texts: list[str]) -> float:
    started = time.perf_counter()
    for i in range(0, len(texts), _BATCH):
        count.count(texts[i : i + _BATCH])
    return time.perf_counter() - started


def _megabytes(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6
