"""The same document gives the same bytes and the same tree, however it came to be."""

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycrdt import Doc

from crdt_schema import plain
from crdt_schema.canvas import Canvas
from crdt_schema.documents import KINDS, initialise
from crdt_schema.ids import BlobHash, NodeId
from crdt_schema.project import Manifest
from server.projects.manifest import NewProject, new_manifest
from server.projects.narratives import narrative
from server.snapshot.lfs import Pointer, parse_pointer
from server.snapshot.repo import ProjectRepo
from server.snapshot.tree import DOCUMENT_PATHS, build, document_at, document_path, encode, has_place
from tests.support.git import git

MANIFEST: Manifest = new_manifest(NewProject("Night Bus"), "uuid-1", "2026-01-01T00:00:00Z", narrative("three-act"))

edits = st.lists(
    st.tuples(
        st.sampled_from(["title", "prompt", "lens_mm", "x", "seed"]),
        st.sampled_from(["shot-1", "shot-2"]),
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
        st.integers(-1000, 1000),
    ),
    max_size=12,
)


def make(script: list[tuple[str, str, str, int]]) -> Doc[Any]:
    doc: Doc[Any] = Doc()
    initialise(doc, "canvas")
    canvas = Canvas(doc)
    for node in ("shot-1", "shot-2"):
        canvas.add_node(NodeId(node), "shot", {"x": 0, "y": 0})
    for field, node, words, number in script:
        match field:
            case "title":
                canvas.set_field(node, "title", words)
            case "prompt":
                text = canvas.text(node, "prompt")
                text += words
            case "x":
                canvas.set_field(node, "position", {"x": number / 4, "y": number})
            case _:
                canvas.set_field(node, field, number)
    return doc


def relayed(doc: Doc[Any], *, hops: int) -> Doc[Any]:
    for _ in range(hops):
        other: Doc[Any] = Doc()
        other.apply_update(doc.get_update())
        doc = other
    return doc


def tree_of(folder: Path, doc: Doc[Any]) -> str:
    repo = ProjectRepo(folder)
    files = build({"canvas": plain.encode(plain.dump(doc, "canvas"))}, MANIFEST, {})
    return str(repo.write_tree(repo.tip(), files)[0])


@settings(max_examples=60, deadline=None)
@given(edits, st.integers(1, 3))
def test_same_document_same_bytes_same_tree(
    tmp_path_factory: Any, script: list[tuple[str, str, str, int]], hops: int
) -> None:
    folder = tmp_path_factory.getbasetemp() / "same-tree"
    if not folder.exists():
        folder.mkdir()
        ProjectRepo.create(folder)
    doc = make(script)
    copy = relayed(doc, hops=hops)
    first, second = (build({"canvas": plain.encode(plain.dump(one, "canvas"))}, MANIFEST, {}) for one in (doc, copy))
    assert first == second
    assert tree_of(folder, doc) == tree_of(folder, copy)


def test_the_order_of_the_parts_changes_no_byte() -> None:
    pointers = {f"03_Renders/{n}.png": Pointer(BlobHash(f"{n:064x}"), n) for n in range(5)}
    one = build({"canvas": b"{}\n", "takes": b"[]\n"}, MANIFEST, pointers)
    two = build({"takes": b"[]\n", "canvas": b"{}\n"}, MANIFEST, dict(reversed(pointers.items())))
    assert list(one.items()) == list(two.items())


def test_a_pointer_is_byte_for_byte_what_git_lfs_writes(tmp_path: Path) -> None:
    data = bytes(range(256)) * 50
    (tmp_path / "take.png").write_bytes(data)
    git(tmp_path, "init", "-q")
    (tmp_path / ".gitattributes").write_text("*.png filter=lfs diff=lfs merge=lfs -text\n")
    git(tmp_path, "add", "-A")
    written = git(tmp_path, "show", ":take.png").encode()
    pointer = parse_pointer(written)
    assert pointer is not None
    assert pointer.encode() == written
    assert pointer.size_bytes == len(data)


def test_what_is_no_pointer_is_none() -> None:
    assert parse_pointer(b"\x89PNG") is None
    assert parse_pointer(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n") is None
    assert parse_pointer(Pointer(BlobHash("a" * 64), 1).encode() + b"more") is None


def test_every_kind_of_document_has_a_place_of_its_own() -> None:
    names = [f"{kind.name}/one" if kind.named else kind.name for kind in KINDS.values() if kind.name != "fork"]
    assert len({document_path(name) for name in names}) == len(KINDS) - 1
    assert not has_place("fork/one"), "what is tried out is committed once it is merged"
    assert all(document_path(name) == path for name, path in DOCUMENT_PATHS.items())


def test_a_document_that_no_project_has_stands_nowhere() -> None:
    assert not any(map(has_place, ("", "plans", "script", "annotations/../../x", "canvas/x", "project.json")))


def test_scripts_stand_where_the_project_keeps_their_kind() -> None:
    assert document_path("script/treatment") == "02_Source_Creative/Treatments/treatment.txt"
    assert document_path("script/shot_list") == "02_Source_Creative/ShotLists/shot_list.txt"
    assert document_path("script/screenplay_v3") == "02_Source_Creative/Scripts/screenplay_v3.txt"


@pytest.mark.parametrize("name", ["script/con", "script/NUL", "annotations/aux", "script/treatment", "script/com1-b"])
def test_no_document_stands_under_a_name_that_windows_keeps_for_devices(name: str) -> None:
    path = PurePosixPath(document_path(name))
    assert not PureWindowsPath(path).is_reserved()
    assert document_at(str(path)) == name


def test_names_of_documents_that_differ_in_a_mark_stand_apart() -> None:
    assert not has_place("script/con~"), "no document is called so, and the file of `con` is"
    assert document_at("02_Source_Creative/Scripts/con.txt") is None
    assert document_at("02_Source_Creative/Scripts/draft~.txt") is None


def test_a_script_is_committed_as_text_that_any_editor_reads() -> None:
    for text, data in (("", b""), ("FADE IN", b"FADE IN\n"), ("caf\u00e9\n", "caf\u00e9\n".encode())):
        assert encode("script/screenplay", {"schema": "script.1", "text": text}) == data
