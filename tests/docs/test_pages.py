"""The pages: every link leads somewhere, each opens with a task, and README.md stays short."""

from __future__ import annotations

import re
import shutil
import tomllib
from pathlib import Path

import pytest

from docs.site import ROOT, collect, headings, pages, targets

DOCS = sorted((ROOT / "docs").glob("*.md"))
GUIDES = [p for p in DOCS if p.name != "description.md"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    for target in targets(page.read_text(encoding="utf-8")):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in headings(file.read_text(encoding="utf-8")), target


def test_a_link_in_code_is_not_a_link_and_one_in_html_is() -> None:
    text = '`[a](b)`\n\n```sh\n[c](d)\n```\n\n[e](f.md#g) <img src="h.png"> [i](https://j)\n'
    assert list(targets(text)) == ["f.md#g", "h.png"]


def test_anchors_are_those_of_the_repository_page() -> None:
    text = "# If a diff looks like a secret\n\n## What `x` does: all\n\n```sh\n# no heading\n```\n"
    assert headings(text) == {"if-a-diff-looks-like-a-secret", "what-x-does-all"}


def test_the_readme_can_be_read_to_its_end() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 250


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: page.name)
def test_a_page_opens_with_a_task(page: Path) -> None:
    """Its first sentence is an imperative: a verb, not an article or a noun phrase."""
    _, first = page.read_text(encoding="utf-8").split("\n\n")[:2]
    if page.name == "security-and-privacy.md":
        assert first.startswith("List ")
    assert not re.match(r"(?i)(a|an|the|this is|session-codec) ", first), first
    assert first.rstrip().endswith((":", ".")), first


def test_the_readme_names_every_page() -> None:
    linked = {t.partition("#")[0] for t in targets((ROOT / "README.md").read_text("utf-8"))}
    assert {f"docs/{p.name}" for p in GUIDES} <= linked


def test_the_site_names_every_page() -> None:
    config = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8")
    named = set(re.findall(r'= "([\w/-]+\.md)"', config))
    shown = {p.relative_to(ROOT).as_posix() for p in pages()}
    assert named == shown


def test_the_site_has_every_file_that_a_page_links_to(tmp_path: Path) -> None:
    collect(tmp_path)
    for page in pages():
        copy = tmp_path / page.relative_to(ROOT)
        for target in targets(copy.read_text(encoding="utf-8")):
            if path := target.partition("#")[0]:
                assert (copy.parent / path).exists(), target


def test_the_description_of_the_package_needs_no_other_file() -> None:
    assert list(targets((ROOT / "docs" / "description.md").read_text(encoding="utf-8"))) == []


def test_every_module_of_the_architecture_exists() -> None:
    if not (ROOT / "codec" / "v1").is_dir():
        pytest.skip("the packages of docs/architecture.md do not exist yet")
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:codec|pipelines)/[\w/.]*)`", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_every_package_is_in_the_architecture() -> None:
    if not (ROOT / "codec" / "v1").is_dir():
        pytest.skip("the packages of docs/architecture.md do not exist yet")
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for top in ("codec", "pipelines"):
        for package in (ROOT / top).iterdir():
            if (package / "__init__.py").exists():
                assert f"`{top}/{package.name}/`" in text


@pytest.mark.slow
def test_the_site_builds_without_warnings(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("zensical")
    from docs import site

    with pytest.raises(SystemExit) as exit_:
        site.main()
    assert exit_.value.code == 0
    shutil.rmtree(site.SOURCE)


def test_the_package_has_the_schema_that_pages_name() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    data = project["tool"]["setuptools"]["package-data"]["pipelines"]
    assert "verify.schema.json" in data
    assert (ROOT / "pipelines" / "verify.schema.json").exists()
