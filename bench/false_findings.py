"""How many patches of public repositories are held back without a secret in them.

1. The repositories are named, and pinned to a commit, in `fixtures/secrets/repositories.tsv`. Their
   clones are given by the user; nothing is fetched, and nothing of them is kept.
2. Each gives the same number of patches, of commits that are spread evenly over its history.
3. Each finding was judged by a person. `fixtures/secrets/judged.tsv` has its place and the verdict,
   never the text. The place of a real secret is a hash: a list of them would help thieves.
4. A finding that nobody has judged counts as false.
"""

from __future__ import annotations

import csv
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from bench.process import Failed, Skipped, apart
from bench.table import Line, Text
from bench.verbs import Setting
from codec.secrets.patterns import file_of
from pipelines.diffs.secret_scan import Text as Patch
from pipelines.diffs.secret_scan import scan
from pipelines.outcomes.errors import PipelineError
from pipelines.system.git.process import run_git
from pipelines.system.git.repository import Repository
from pipelines.workspace.git_blobs import read_blob
from pipelines.workspace.git_patches import PATCH_OPTIONS

_FIXTURES: Final = Path(__file__).parents[1] / "fixtures" / "secrets"
#: Patches of each repository.
_PATCHES: Final = 100
#: The share of patches that may be held back without a secret.
_MOST: Final = 0.0015
_SECRET: Final = "secret"  # noqa: S105 - a verdict
_UNJUDGED: Final = "not judged"


class Place(NamedTuple):
    """Where a rule found something."""

    repository: str
    commit: str
    path: str
    rule: str


class Searched(NamedTuple):
    """The patches of a repository that were scanned and that git could not make, and findings."""

    patches: int
    missing: int
    places: frozenset[Place]


def false_findings(setting: Setting) -> Iterator[Line]:
    """Scan patches of the named repositories and compare the findings with their verdicts.

    Raises:
        Skipped: no folder of clones was given, or it has none of them.
        Failed: too many patches are held back without a secret.
    """
    if setting.clones is None:
        raise Skipped("skipped: pass --clones DIR, with a clone in DIR/OWNER/NAME")
    verdicts = _verdicts()
    found: list[Searched] = []
    for row in _rows("repositories.tsv"):
        name = row["repository"]
        clone = setting.clones.absolute() / name
        git = next((p for p in (clone / ".git", clone) if (p / "objects").is_dir()), None)
        if git is None:
            yield Text(f"{name}: skipped, {clone} is not a clone")
            continue
        searched = apart(_searched, name, row["commit"], git)
        found.append(searched)
        yield from map(Text, _lines(name, searched, verdicts))
    if not found:
        raise Skipped(f"skipped: {setting.clones} has none of the named clones")
    share, lines = _summary(found, verdicts)
    yield from map(Text, lines)
    if share > _MOST:
        raise Failed(f"{share:.2%} of the patches are held back without a secret, not {_MOST:.2%}")


def place_hash(place: Place) -> str:
    """Return a hash that identifies the place of a real secret to whoever has the clone."""
    return hashlib.sha256("\0".join(place).encode()).hexdigest()[:16]


def _searched(name: str, commit: str, git: Path) -> Searched:
    repository = Repository(str(git), str(git), str(git))
    listing = ("rev-list", "--no-merges", "--min-parents=1", commit)
    commits = run_git(repository, *listing, plain=True).stdout.decode().split()
    size = min(_PATCHES, len(commits))
    patches = {}
    for one in (commits[n * len(commits) // size] for n in range(size)):
        command = ("diff-tree", *PATCH_OPTIONS, f"{one}^", one)
        try:
            patches[one] = run_git(repository, *command, plain=True).stdout
        except PipelineError:
            continue  # a clone may lack its largest files
    texts = [Patch(one, None, partial(bytes, data)) for one, data in patches.items()]
    blob = partial(read_blob, repository, plain=True)
    places = frozenset(
        Place(name, f.file, _path(patches[f.file], f.line), f.rule)
        for f in scan(texts, frozenset(), lambda done: None, blob).findings
        if f.file and f.line and f.rule
    )
    return Searched(len(patches), size - len(patches), places)


def _path(patch: bytes, line: int) -> str:
    """Return the file that a line of a patch, counted from 1, belongs to."""
    offset = sum(map(len, patch.splitlines(keepends=True)[:line]))
    return file_of(patch, offset - 1) or "-"


def _rows(name: str) -> list[dict[str, str]]:
    with open(_FIXTURES / name, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


def _verdicts() -> dict[str, str]:
    """Return the verdicts by the hash of the place."""
    by_hash = {}
    for row in _rows("judged.tsv"):
        place = Place(row["place"], row["commit"], row["path"], row["rule"])
        is_hidden = row["verdict"] == _SECRET
        by_hash[row["place"] if is_hidden else place_hash(place)] = row["verdict"]
    return by_hash


def _lines(name: str, searched: Searched, verdicts: Mapping[str, str]) -> Iterator[str]:
    """Yield a line about a repository, and one for each finding that has no verdict yet."""
    count = Counter(_verdict(place, verdicts) for place in searched.places)
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(count.items())) or "no findings"
    missing = f", {searched.missing} that git cannot make" if searched.missing else ""
    yield f"{name}: {searched.patches} patches{missing}; {kinds}"
    for place in sorted(searched.places):
        if place_hash(place) not in verdicts:
            yield f"  {_UNJUDGED}: {place.commit} {place.path} {place.rule}"


def _summary(found: Sequence[Searched], verdicts: Mapping[str, str]) -> tuple[float, list[str]]:
    """Return the share of patches that are held back without a secret, and the lines to print."""
    patches = sum(searched.patches for searched in found)
    by_patch: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
    by_kind: Counter[tuple[str, str]] = Counter()
    for place in (place for searched in found for place in searched.places):
        verdict = _verdict(place, verdicts)
        by_patch[place.repository, place.commit].add(verdict)
        by_kind[verdict, place.rule] += 1
    held = len(by_patch)
    false = sum(_SECRET not in kinds for kinds in by_patch.values())
    kinds = [f"  {verdict}, {rule}: {n}" for (verdict, rule), n in sorted(by_kind.items())]
    total = f"{len(found)} repositories, {patches:,} patches"
    counted = f"{held} ({held / patches:.2%}) held back, {false} ({false / patches:.2%}) without"
    return false / patches, [
        "findings by verdict and rule:",
        *kinds,
        f"{total}: {counted} a secret",
    ]


def _verdict(place: Place, verdicts: Mapping[str, str]) -> str:
    return verdicts.get(place_hash(place), _UNJUDGED)
