"""Scripts that import the flat names of 0.1.0 run against the packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).parents[2]
SCRIPT = """\
import pipelines.cli.main as M
import pipelines.workspace as W
import pipelines.recording as R
import pipelines.store, pipelines.git, pipelines.cli.record
import codec.archive, codec.manifest, codec.v1_entry
from codec.v1_layout import LAYOUT_NAME
R.moment = lambda when=None: W.moment(when) if when else "then"
from pipelines.recording.session import moment
assert moment is R.moment and moment() == "then"
assert codec.archive.ArchiveReader and codec.manifest.decode_facts and pipelines.store.Store
import codec.v1.entry, pipelines.cli.commands.record
assert codec.v1_entry is codec.v1.entry
assert pipelines.cli.record is pipelines.cli.commands.record
import sys
assert sys.argv[1:] == ["one"] and codec.v1.entry.__spec__.name == "codec.v1.entry"
import os
code = os.environ["CODE"]
assert "def " in open(f"{code}/codec/schedules_cloned.py").read()
sys.path.insert(0, code)
import codec.timestamps, pipelines.outcomes.errors
print(M.run(["--help"]))
"""


def test_names_of_0_1_0_give_the_modules_in_their_new_places(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.attacks_adapter", str(script), "one"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.endswith("0\n")
