"""The benchmark is brought along from elsewhere, with our targets added; it is not changed there."""

import json
import os
from pathlib import Path

import pytest

from bench.compare import benchmark, copy
from bench.results import OURS, UNGUARDED


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    for name, text in {
        "compare.mjs": "first",
        "lib/doc.mjs": "second",
        "node_modules/yjs/index.js": "not ours to bring",
        "results/all.json": "[]",
        "targets.json": '{"hocuspocus": {"command": ["node"]}}',
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_the_copy_knows_our_targets_beside_the_peers(elsewhere: Path, tmp_path: Path) -> None:
    copy(elsewhere, tmp_path / "copy")
    copied = {str(path.relative_to(tmp_path / "copy")) for path in (tmp_path / "copy").rglob("*") if path.is_file()}
    assert copied == {"compare.mjs", "lib/doc.mjs", "targets.json"}
    assert set(json.loads((tmp_path / "copy" / "targets.json").read_text())) == {"hocuspocus", *OURS, UNGUARDED}
    assert "workprint" not in (elsewhere / "targets.json").read_text()


def test_what_has_not_changed_is_not_written_again(elsewhere: Path, tmp_path: Path) -> None:
    copy(elsewhere, tmp_path / "copy")
    before = dict.fromkeys((tmp_path / "copy").rglob("*.*"), 10**9)
    for path, long_ago in before.items():
        os.utime(path, ns=(long_ago, long_ago))
    (elsewhere / "compare.mjs").write_text("newer")
    copy(elsewhere, tmp_path / "copy")
    changed = [path.name for path, time in before.items() if path.stat().st_mtime_ns != time]
    assert changed == ["compare.mjs"]
    assert (tmp_path / "copy" / "compare.mjs").read_text() == "newer"


def test_the_benchmark_may_be_anywhere(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKPRINT_BENCH", str(elsewhere))
    assert benchmark() == elsewhere


def test_a_missing_benchmark_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKPRINT_BENCH", str(tmp_path))
    with pytest.raises(SystemExit, match="WORKPRINT_BENCH"):
        benchmark()
