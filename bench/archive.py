"""Archives of a year of real diffs, beside what a user would pick: tar, xz, borg, restic.

Months are packed an archive each, and tar makes a file each. borg and restic have all months in one
repository, where they find what is the same in several, and compress as hard as they can.
"""

from __future__ import annotations

import os
import random
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

from bench.process import Cost, apart, run
from bench.table import Row
from bench.verbs import Setting, verb
from codec.archive.container import ArchiveReader
from codec.archive.frames import Read
from codec.archive.recovery import Checked, check
from codec.kinds import Key
from codec.records import PatchRef

_MEGA: Final = 1_000_000
_READS: Final = 1000
#: Diffs that other programs give one by one.
_PICKED: Final = 5
_LARGE: Final = (("small", 100 * _MEGA), ("fast", 100 * _MEGA), ("fast", 2000 * _MEGA))

# Each runs in the folder that holds the months, and writes to the folder that it is given.
_TAR_GZ: Final = 'for m in *; do tar -C "$m" -czf "$0/$m" .; done'
_TAR_ZST: Final = 'for m in *; do tar -C "$m" -cf - . | zstd -q -19 -o "$0/$m"; done'
_TAR_XZ: Final = 'for m in *; do tar -C "$m" -cf - . | xz -9e > "$0/$m"; done'
_BORG: Final = (
    'borg init -e none "$0/r" && for m in *; do borg create -C zstd,19 "$0/r::$m" "$m"; done'
)
_RESTIC: Final = (
    'restic -q -r "$0/r" --no-cache init && '
    'for m in *; do restic -q -r "$0/r" --no-cache --compression max backup "$m"; done'
)
#: A program, what it does, and the part of its bytes that an archive may have.
_OTHERS: Final = {
    "tar -czf": ("tar", _TAR_GZ, 0.72),
    "tar | zstd -19": ("zstd", _TAR_ZST, 1.01),
    "tar | xz -9e": ("xz", _TAR_XZ, 1.06),
    "borg -C zstd,19": ("borg", _BORG, 1.0),
    "restic max": ("restic", _RESTIC, 1.0),
}
_LOADS: Final = {
    "tar -xOf": ("zstd", 'tar --zstd -xOf "$1" "$3"'),
    "borg extract": ("borg", 'borg extract --stdout "$2/r::all" "all/$3"'),
    "restic dump": ("restic", 'restic -q -r "$2/r" --no-cache dump latest "/all/$3"'),
}


def archive(setting: Setting) -> Iterator[Row]:
    """Measure a year packed month by month, and as one month."""
    months = _months(setting)
    megabytes = sum(path.stat().st_size for path in months.glob("*/*")) / _MEGA
    made, cost = _packed(setting, "small", months)
    yield Row(
        name="archive",
        measured=f"small: {megabytes / cost.cpu:.1f} MB of diffs a CPU second",
        yardstick=f"{megabytes:.1f} MB of diffs",
        ratios=[cost.wall / cost.cpu],
        target=">= 2 MB",
        met=megabytes / cost.cpu >= 2,
    )
    for name, (program, script, most) in _OTHERS.items():
        if shutil.which(program):
            theirs, their_cost = _theirs(setting, script, months)
            yield _sizes("small", (_size(made), cost), name, (_size(theirs), their_cost), most)
    one = _one_month(setting, months)
    made, cost = _packed(setting, "small", one)
    solid, their_cost = _theirs(setting, _TAR_ZST, one)
    mine = (_size(made), cost)
    yield _sizes("one month", mine, "tar | zstd -19", (_size(solid), their_cost), 1.2)


def archive_fast(setting: Setting) -> Iterator[Row]:
    """Measure the profile `fast` beside `tar -czf`: processor time and size."""
    months = _months(setting)
    pairs = [
        (_packed(setting, "fast", months), _theirs(setting, _TAR_GZ, months))
        for _ in setting.turns()
    ]
    ratios = [mine.cpu / theirs.cpu for (_, mine), (_, theirs) in pairs]
    (made, cost), (theirs, their_cost) = pairs[0]
    yield Row(
        name="archive-fast",
        measured=f"fast {_told(_size(made), cost)}",
        yardstick=f"tar -czf {_told(_size(theirs), their_cost)}",
        ratios=ratios,
        target="cpu <= 1.3, and smaller",
        met=median(ratios) <= 1.3 and _size(made) < _size(theirs),
    )


def archive_load(setting: Setting) -> Iterator[Row]:
    """One diff of ten thousand in one archive, its hash checked; others start a program for it."""
    one = _one_month(setting, _months(setting))
    made, _ = _packed(setting, "small", one)
    (path,) = made.iterdir()
    times, keys = apart(_loaded, path)
    p50 = median(times)
    scripts = {"borg extract": _BORG, "restic dump": _RESTIC}
    for name, (program, script) in _LOADS.items():
        if not shutil.which(program):
            continue
        repository = setting.fresh()
        if name in scripts:
            repository, _ = _theirs(setting, scripts[name], one)
        argv = ["sh", "-c", script, "sh", str(path), str(repository)]
        walls = [run([*argv, f"{key}.diff"], cwd=setting.folder).wall for key in keys[:_PICKED]]
        yield Row(
            name="archive-load",
            measured=f"one of {len(keys)}: p50 {p50 * 1e3:.1f} ms, with opening",
            yardstick=f"{name} {median(walls) * 1e3:.0f} ms",
            ratios=[p50 / wall for wall in walls],
            target="< 8 ms, <= 0.1",
            met=p50 < 0.008 and p50 <= 0.1 * median(walls),
        )


def archive_large(setting: Setting) -> Iterator[Row]:
    """Memory of a month of 2 GB, beside that of one of 100 MB: it must not grow with the month."""
    folder = _one_month(setting, _months(setting)) / "all"
    for profile, size in _LARGE:
        out = setting.fresh()
        cost = _pack(profile, out, "--size", str(size), str(folder))
        yield Row(
            name="archive-large",
            measured=f"{profile} {_told(_size(out), cost)}, {cost.peak / _MEGA:.0f} MB",
            yardstick=f"{size / _MEGA:.0f} MB of diffs",
            ratios=[cost.peak / size],
            target="< 250 MB",
            met=0 < cost.peak < 250 * _MEGA,
        )


def _months(setting: Setting) -> Path:
    """Make a folder with one folder of diffs for each month."""
    months = setting.folder / "months"
    if not months.exists():
        repository = setting.repository(setting.log)
        verb("migrate", cwd=repository)
        for path in (repository / ".diffs").glob("*.diff"):
            month = months / path.name[:7]
            month.mkdir(parents=True, exist_ok=True)
            os.link(path, month / path.name)
    return months


def _one_month(setting: Setting, months: Path) -> Path:
    """Make a folder with one folder that holds the diffs of all months."""
    one = setting.folder / "one-month"
    if not one.exists():
        (one / "all").mkdir(parents=True)
        for path in months.glob("*/*"):
            os.link(path, one / "all" / path.name)
    return one


def _packed(setting: Setting, profile: str, months: Path) -> tuple[Path, Cost]:
    out = setting.fresh()
    return out, _pack(profile, out, *(str(month) for month in sorted(months.iterdir())))


def _pack(profile: str, out: Path, *arguments: str) -> Cost:
    argv = [sys.executable, "-m", "bench.archive_pack", profile, str(out), *arguments]
    return run(argv, cwd=Path(__file__).parents[1])


def _theirs(setting: Setting, script: str, months: Path) -> tuple[Path, Cost]:
    out = setting.fresh()
    # borg keeps its caches beside the rest; restic takes no repository without a password.
    os.environ.update({"BORG_BASE_DIR": str(setting.folder / "borg"), "RESTIC_PASSWORD": "none"})
    return out, run(["sh", "-ec", script, str(out)], cwd=months)


def _loaded(path: Path) -> tuple[list[float], list[Key]]:
    """Seconds that diffs took, each from an archive that is opened for it, and their keys."""
    data = path.read_bytes()
    checked = check(lambda offset, size: data[offset : offset + size], len(data))
    known = {
        c.entry.key: PatchRef(sha256=c.sha256, size=c.entry.size)
        for c in checked
        if isinstance(c, Checked)
    }
    keys = sorted(known)
    random.Random(1).shuffle(keys)  # noqa: S311 - the same order for every run
    times = []
    for key in keys[:_READS]:
        started = time.perf_counter()
        with open(path, "rb", buffering=0) as f:
            ArchiveReader(_ranges(f.fileno()), len(data)).read(key, known[key])
        times.append(time.perf_counter() - started)
    return times, keys


def _ranges(number: int) -> Read:
    return lambda offset, size: os.pread(number, size, offset)


def _sizes(
    what: str, mine: tuple[int, Cost], name: str, theirs: tuple[int, Cost], most: float
) -> Row:
    ratio = mine[0] / theirs[0]
    return Row(
        name="archive",
        measured=f"{what} {_told(*mine)}",
        yardstick=f"{name} {_told(*theirs)}",
        ratios=[ratio],
        target=f"size <= {most:g}",
        met=ratio <= most,
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _told(size: int, cost: Cost) -> str:
    return f"{size / _MEGA:.2f} MB, {cost.wall:.1f} s, cpu {cost.cpu:.1f} s"
