"""The house rules that no linter knows: sizes, docstrings, and documents that cannot fall behind the code."""

import ast
from pathlib import Path

import pytest

from render_farm.settings import FARM_SETTINGS
from server.api.routes import API, GIT, ROUTES
from server.config import SETTINGS

ROOT = Path(__file__).parent.parent
PACKAGES = ("crdt_schema", "server", "render_farm", "pipelines", "client", "bench")
MODULES = sorted(
    path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "node_modules" not in path.parts
)
LONGEST_FILE = 500
LONGEST_FUNCTION = 60


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(source: str) -> ast.Module:
    """The syntax tree of a module."""
    try:
        return ast.parse(source)
    except SystemError:
        # Python 3.11 miscounts its depth when a thread of an earlier test compiles at the same moment (gh-106905).
        return ast.parse(source)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_module_says_its_job_and_keeps_its_size(path: Path) -> None:
    source = path.read_text()
    tree = parsed(source)
    if path.name != "__init__.py":
        first_line = (ast.get_docstring(tree) or "").split("\n", 1)[0]
        assert first_line, "the first line of a module says its job"
    assert source.count("\n") <= LONGEST_FILE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= LONGEST_FUNCTION, f"{node.name} is {length} lines long"


WEB_SOURCES = sorted(
    path
    for suffix in ("*.ts", "*.svelte")
    for path in (ROOT / "client" / "web" / "src").rglob(suffix)
    if path.name != "generated.ts"
)


@pytest.mark.parametrize("path", WEB_SOURCES, ids=name_of)
def test_a_file_of_the_web_app_keeps_its_size(path: Path) -> None:
    assert path.read_text().count("\n") <= LONGEST_FILE


HUB_NAMES = {setting.name for setting in SETTINGS}
EVERY_SETTING = [
    *((setting.name, setting.default) for setting in SETTINGS),
    *((setting.name, setting.default) for setting in FARM_SETTINGS if setting.name not in HUB_NAMES),
]


@pytest.mark.parametrize(("name", "default"), EVERY_SETTING)
def test_every_setting_is_documented_with_its_default(name: str, default: str) -> None:
    rows = [row for row in (ROOT / "docs" / "settings.md").read_text().splitlines() if row.startswith(f"| `{name}`")]
    assert len(rows) == 1
    assert default == "" or f"`{default}`" in rows[0]


@pytest.mark.parametrize("route", [*(r for r in (*ROUTES, *GIT) if "/v1/" not in r.path)], ids=lambda route: route.path)
def test_every_route_is_documented(route: object) -> None:
    method, path = getattr(route, "method"), getattr(route, "path")  # noqa: B009 - as above
    plain = path.replace(":[A-Za-z0-9_-]+", "")
    assert f"`{method} {plain}`" in (ROOT / "docs" / "rest.md").read_text()


def test_v1_is_an_alias_of_every_route_of_the_api() -> None:
    paths = {(route.method, route.path) for route in ROUTES}
    for route in API:
        assert (route.method, "/api/v1" + route.path) in paths
