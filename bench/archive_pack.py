"""`python -m bench.archive_pack`: pack folders of diffs as a monthly job does, an archive each.

Every diff is read twice: for the path that orders it, and to be packed. Months are packed side by
side, and so are the frames of one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from codec.archive.container import encode_archive
from codec.archive.tar import Member
from codec.kinds import Key
from codec.patches.diff_stat import touched_path

#: Threads that compress, and months that are under way.
_WORKERS: Final = 2
#: How many diffs make a large one.
_BUNDLE: Final = 28


def main() -> None:
    """Take a profile, the folder to write to, and the folders of diffs.

    With `--size BYTES` before the one folder, take its diffs again and again, for a month so large.
    """
    profile, out, *folders = sys.argv[1:]
    with ThreadPoolExecutor(_WORKERS) as pool, ThreadPoolExecutor(_WORKERS) as months:
        if folders[0] == "--size":
            _pack_large(Path(folders[2]), int(folders[1]), profile, Path(out), pool)
            return
        pack = partial(_pack, profile=profile, out=Path(out), pool=pool)
        for _ in months.map(pack, map(Path, folders)):
            pass


def _pack(folder: Path, profile: str, out: Path, pool: ThreadPoolExecutor) -> None:
    members = [_member(folder, name) for name in os.listdir(folder)]

    def load(member: Member) -> Iterable[bytes]:
        return (_read(folder, f"{member.key}.diff"),)

    with open(out / f"{folder.name}.tar.zst", "xb") as f:
        f.writelines(encode_archive(members, load, profile=profile, pool=pool))


def _member(folder: Path, name: str) -> Member:
    patch = _read(folder, name)
    return Member(Key(name.removesuffix(".diff")), len(patch), touched_path(patch))


def _read(folder: Path, name: str) -> bytes:
    with open(f"{folder}/{name}", "rb", buffering=0) as f:
        return f.read()


def _pack_large(folder: Path, size: int, profile: str, out: Path, pool: ThreadPoolExecutor) -> None:
    """Each diff of the month is several of the folder's, one after the other."""
    names = sorted(os.listdir(folder))
    sizes = [os.stat(folder / name).st_size for name in names]
    bundles: dict[str, list[int]] = {}
    members = []
    while size > 0:
        number = len(bundles)
        bundle = [(number * _BUNDLE + i * (1 + number)) % len(names) for i in range(_BUNDLE)]
        key = Key(f"2025-11-06.{number:06x}")
        bundles[key] = bundle
        members.append(Member(key, sum(sizes[i] for i in bundle), names[bundle[0]].encode()))
        size -= members[-1].size

    def load(member: Member) -> Iterable[bytes]:
        return (_read(folder, names[i]) for i in bundles[member.key])

    with open(out / "large.tar.zst", "xb") as f:
        f.writelines(encode_archive(members, load, profile=profile, pool=pool))


if __name__ == "__main__":
    main()
