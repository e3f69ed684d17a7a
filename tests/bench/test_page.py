"""Every benchmark writes its own chapter of the one page, and leaves the others as they are."""

from pathlib import Path

from bench.page import PAGE, write_chapter


def test_a_chapter_takes_the_place_of_the_one_with_its_title(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"
    write_chapter(page, "# The hub\n\nFast.\n\n## Where\n\nHere.\n")
    write_chapter(page, "# Snapshots\n\nSmall.\n")
    write_chapter(page, "# The hub\n\nFaster.\n")
    assert page.read_text() == "# The hub\n\nFaster.\n\n# Snapshots\n\nSmall.\n"
    write_chapter(page, "# Snapshots\n\nSmaller.\n")
    assert page.read_text() == "# The hub\n\nFaster.\n\n# Snapshots\n\nSmaller.\n"


def test_the_page_has_a_chapter_for_every_benchmark() -> None:
    titles = [line for line in PAGE.read_text().splitlines() if line.startswith("# ")]
    assert titles[:2] == ["# Benchmarks: the hub", "# Benchmarks: snapshots"]
