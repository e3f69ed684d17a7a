"""The one page of numbers, `docs/benchmarks.md`: a chapter for each benchmark, each written anew by its own command."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs/benchmarks.md"


def write_chapter(page: Path, chapter: str) -> None:
    """Put a chapter, markdown that begins with its `# ` title, in the place of the one of that title, or last."""
    title = chapter.partition("\n")[0]
    stands = page.read_text() if page.is_file() else ""
    chapters = [one.rstrip() for one in re.split(r"^(?=# )", stands, flags=re.MULTILINE) if one.strip()]
    places = [number for number, one in enumerate(chapters) if one.partition("\n")[0] == title]
    first = places[0] if places else len(chapters)
    chapters[first : first + 1] = [chapter.rstrip()]
    page.write_text("\n\n".join(chapters) + "\n")
