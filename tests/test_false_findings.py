"""The benchmark of false findings counts what nobody judged, and knows secrets by a hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import false_findings
from bench.false_findings import Place, place_hash
from bench.process import Failed, Skipped
from bench.verbs import Setting
from tests.pipelines.conftest import git
from tests.support.made_secrets import Maker

HEAD = "place\tcommit\tpath\trule\tverdict\n"


def measured(tmp_path: Path) -> list[str]:
    setting = Setting(folder=tmp_path, log=tmp_path, wanted=None, clones=tmp_path / "clones")
    return [line.line() for line in false_findings.false_findings(setting)]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Make a clone with one finding, and a table without verdicts."""
    clone = tmp_path / "clones" / "owner" / "name"
    clone.mkdir(parents=True)
    git(clone, "init", "-q")
    for text in ("nothing\n", f'password = "{Maker(1).of(24)}"\n'):
        (clone / "conf.py").write_text(text)
        git(clone, "add", "-A")
        git(clone, "commit", "-q", "-m", "one")
    head = git(clone, "rev-parse", "HEAD").strip()
    monkeypatch.setattr(false_findings, "_FIXTURES", tmp_path)
    (tmp_path / "repositories.tsv").write_text(f"repository\tcommit\nowner/name\t{head}\n")
    (tmp_path / "judged.tsv").write_text(HEAD)
    return Place("owner/name", head, "conf.py", "password")


def test_an_unjudged_finding_counts_as_false(tmp_path: Path, place: Place) -> None:
    with pytest.raises(Failed, match=r"100\.00% of the patches"):
        measured(tmp_path)


def test_a_secret_is_known_by_the_hash_of_its_place(tmp_path: Path, place: Place) -> None:
    (tmp_path / "judged.tsv").write_text(f"{HEAD}{place_hash(place)}\t\t\tpassword\tsecret\n")
    lines = measured(tmp_path)
    assert lines[0] == "owner/name: 1 patches; secret 1"
    assert lines[-1].endswith("1 (100.00%) held back, 0 (0.00%) without a secret")


def test_without_clones_it_is_skipped(tmp_path: Path) -> None:
    with pytest.raises(Skipped, match="none of the named clones"):
        measured(tmp_path)
