"""Run a script that imports the flat module names of 0.1.0, such as those of ../shared/attacks.

    python -m tests.support.attacks_adapter ../shared/attacks/repro.py [ARGUMENT ...]

A name of 0.1.0 gives the module in its new place. Where a package has that name now, attributes
are read from and set in the module that had it before. Scripts that read a module's file find it in
the folder that the variable CODE names: links with the names of 0.1.0.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import ModuleType
from typing import Any, Final

from pipelines.cli.verbs import VERBS

ROOT: Final = Path(__file__).parents[2]
#: New module by the name it had in 0.1.0.
MOVED: Final = {
    "codec.agent_block": "codec.agents.guide_block",
    "codec.archive": "codec.archive.container",
    "codec.archive_frames": "codec.archive.frames",
    "codec.archive_scan": "codec.archive.recovery",
    "codec.archive_tar": "codec.archive.tar",
    "codec.bundle": "codec.archive.bundle",
    "codec.clashes": "codec.merge.key_conflicts",
    "codec.committed": "codec.merge.lost_facts",
    "codec.context_view": "codec.v2.context_view",
    "codec.hook_input": "codec.agents.hook_input",
    "codec.manifest": "codec.manifest.jsonl",
    "codec.merge": "codec.merge.three_way",
    "codec.pieces": "codec.merge.tracked_formats",
    "codec.references_edit": "codec.references.edit",
    "codec.repair": "codec.merge.repair",
    "codec.schedules_cloned": "codec.schedules.cloned",
    "codec.secret_rules": "codec.secrets.patterns",
    "codec.spool_entry": "codec.agents.spool_entry",
    "codec.stated": "codec.references.sources.collect",
    "codec.stated_prose": "codec.references.sources.markdown",
    "codec.tokens": "codec.tokens.tokenizers",
    "codec.transcripts": "codec.agents.transcripts",
    "codec.v1_detect": "codec.v1.detect",
    "codec.v1_entry": "codec.v1.entry",
    "codec.v1_layout": "codec.v1.layout",
    "codec.v1_split": "codec.v1.split",
    "codec.v2_deltas": "codec.v2.deltas",
    "codec.v2_metrics": "codec.v2.metrics",
    "codec.v2_progress": "codec.v2.progress_log",
    "codec.v2_references": "codec.references.document",
    "codec.yaml_nodes": "codec.references.yaml_nodes",
    "pipelines.archives": "pipelines.diffs.local_archives",
    "pipelines.git": "pipelines.workspace.git_queries",
    "pipelines.purge_remote": "pipelines.erasing.purge_remote",
    "pipelines.recording": "pipelines.recording.session",
    "pipelines.remote_archives": "pipelines.diffs.remote_archives",
    "pipelines.remote_dir": "pipelines.remotes.directory",
    "pipelines.secrets": "pipelines.diffs.secret_scan",
    "pipelines.snapshots": "pipelines.transfer.snapshots",
    "pipelines.store": "pipelines.diffs.store",
    "pipelines.v1_reading": "pipelines.v1.reader",
    "pipelines.v1_store": "pipelines.v1.layouts",
    "pipelines.workspace": "pipelines.workspace.location",
    **{
        f"pipelines.cli.{verb.replace('-', '_')}": (
            f"pipelines.cli.commands.{verb.replace('-', '_')}"
        )
        for verb in VERBS
    },
}


class OldPackage(ModuleType):
    """A package that has the name of a module of 0.1.0."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(import_module(MOVED[self.__name__]), name)

    def __setattr__(self, name: str, value: Any) -> None:
        moved = sys.modules.get(MOVED[self.__name__])
        if moved is not None and name in vars(moved) and not name.startswith("__"):
            setattr(moved, name, value)
        else:
            super().__setattr__(name, value)


class OldNames(MetaPathFinder, Loader):
    """Give the module in its new place for its name of 0.1.0."""

    def __init__(self) -> None:
        self._specs: dict[str, ModuleSpec | None] = {}

    def find_spec(
        self, name: str, _path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(name, self) if name in MOVED and not is_package(name) else None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        module = import_module(MOVED[spec.name])
        self._specs[spec.name] = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        module.__spec__ = self._specs[module.__spec__.name]


def is_package(name: str) -> bool:
    """Return whether a package has the name now."""
    return ROOT.joinpath(*name.split(".")).is_dir()


def install() -> None:
    """Let the names of 0.1.0 be imported."""
    for name in filter(is_package, MOVED):
        import_module(name).__class__ = OldPackage
    sys.meta_path.insert(0, OldNames())


def link_files(folder: Path) -> None:
    """Link the files of the modules below a folder, by the names that they had in 0.1.0."""
    for old, new in MOVED.items():
        link = folder.joinpath(*old.split(".")).with_suffix(".py")
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(ROOT.joinpath(*new.split(".")).with_suffix(".py"))


if __name__ == "__main__":
    install()
    script = sys.argv[1]
    sys.argv = sys.argv[1:]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    with TemporaryDirectory() as code:
        link_files(Path(code))
        os.environ.setdefault("CODE", code)
        runpy.run_path(script, run_name="__main__")
