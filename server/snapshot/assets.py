"""The lists of a project's assets in `project.json`, kept in step with files, library and styles (W-058); pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from server.snapshot.tree import document_at
from server.snapshot.wording import Record, records_of

FOLDERS: dict[str, str] = {
    "characters": "01_Assets/Generative_Assets/Characters",
    "locations": "01_Assets/Generative_Assets/Locations",
    "styles": "01_Assets/Generative_Assets/Styles",
    "music": "01_Assets/Generative_Assets/Music",
}
"""Where the files of each list stand. An entry names no path: clients see the manifest."""
DOCUMENTS = ("library", "styles")
"""Those of which records are listed."""
KINDS: dict[str, str] = {"talent": "characters", "environment": "locations", "music": "music"}
"""The list in which each kind of the library stands; the others have none (CF-22)."""
FILE, LIBRARY, STYLE = "file:", "library:", "style:"
"""How an entry of ours begins; every other one was written by somebody else, and stays."""


def asset_lists(
    today: Mapping[str, list[str]], files: Iterable[str], documents: Mapping[str, Record]
) -> dict[str, list[str]]:
    """The lists as they become: `files` are all paths of these folders, `documents` those that may have changed."""
    fresh = {FILE: _files(files)}
    if "library" in documents:
        fresh[LIBRARY] = _library(documents["library"])
    if "styles" in documents:
        fresh[STYLE] = (("styles", style) for style in records_of(documents["styles"].get("styles")))
    found = {name: [entry for entry in today.get(name, []) if not entry.startswith(tuple(fresh))] for name in FOLDERS}
    for start, entries in fresh.items():
        for name, entry in entries:
            found[name].append(f"{start}{entry}")
    ours = (FILE, LIBRARY, STYLE)
    return {**today} | {
        # Those of other people first, in their order.
        name: [entry for entry in entries if not entry.startswith(ours)]
        + sorted({entry for entry in entries if entry.startswith(ours)})
        for name, entries in found.items()
    }


def files_listed(entries: object) -> set[str]:
    """The names of the files in a list of an older commit, which may be anything."""
    names = cast("list[object]", entries) if isinstance(entries, list) else []
    return {name.removeprefix(FILE) for name in map(str, names) if name.startswith(FILE)}


def _files(paths: Iterable[str]) -> Iterator[tuple[str, str]]:
    names = {folder: name for name, folder in FOLDERS.items()}
    for path in paths:
        folder, _, file = path.rpartition("/")
        name = names.get(folder)
        if name is not None and not file.startswith(".") and document_at(path) is None:
            yield name, file


def _library(library: Record) -> Iterator[tuple[str, str]]:
    for key, asset in records_of(library.get("assets")).items():
        name = KINDS.get(str(asset.get("kind")))
        if name is not None:
            yield name, key
