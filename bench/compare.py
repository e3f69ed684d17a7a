"""`make bench`: set the benchmark up, run every scenario on the hub and its peers in turns, and write the report."""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from bench import report, results
from bench.goals import SCENARIOS, Scenario
from bench.page import PAGE, write_chapter

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / ".make" / "bench"
OUR_TARGETS = Path(__file__).parent / "targets.json"
NOT_COPIED = {"node_modules", "results"}
CODE = ("bench", "crdt_schema", "server")
"""What a result is a result of."""


def say(text: str) -> None:
    """One line for whoever waits."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def benchmark() -> Path:
    """Where the benchmark is; ends the program when it is not there."""
    folder = Path(os.environ.get("WORKPRINT_BENCH") or ROOT.parent / "shared" / "bench")
    if not (folder / "compare.mjs").is_file():
        raise SystemExit(f"There is no benchmark in {folder}. Set WORKPRINT_BENCH to the folder that holds it.")
    return folder


def copy(source: Path, target: Path) -> None:
    """Bring the copy of the benchmark up to date, and add our targets to those it knows."""
    for path in source.rglob("*"):
        name = path.relative_to(source)
        if path.is_file() and name.parts[0] not in NOT_COPIED:
            text = path.read_bytes()
            if name.name == "targets.json":
                text = json.dumps({**json.loads(text), **json.loads(OUR_TARGETS.read_text())}, indent=2).encode()
            _write_if_new(target / name, text)


def _write_if_new(path: Path, text: bytes) -> None:
    if not path.is_file() or path.read_bytes() != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text)


def run(*command: str) -> None:
    """Run a command in the benchmark's folder; ends the program when it fails."""
    try:
        subprocess.run(command, cwd=FOLDER, check=True)  # noqa: S603 - commands of this file
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(f"The benchmark could not be set up: {error}") from None


def install() -> None:
    """Install the generator's packages and the peers, each when it is missing or not the one asked for."""
    installed, lock = FOLDER / "node_modules" / ".package-lock.json", FOLDER / "package-lock.json"
    if not installed.is_file() or installed.stat().st_mtime < lock.stat().st_mtime:
        say("Installing the load generator's packages")
        run("npm", "ci", "--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    stamp = FOLDER / "peers.installed"
    wanted = b"".join(path.read_bytes() for path in sorted((FOLDER / "peers").iterdir()))
    if not peers_are_there() or not stamp.is_file() or stamp.read_bytes() != wanted:
        say("Installing the peers")
        run("sh", "peers/setup-peers.sh")
        stamp.write_bytes(wanted)


def peers_are_there() -> bool:
    """Whether the files with which the peers are started exist; /tmp may have been cleaned."""
    targets = json.loads((FOLDER / "targets.json").read_text())
    return all(
        (FOLDER / targets[peer].get("cwd", "") / part).is_file()
        for peer in results.PEERS
        for part in targets[peer]["command"][:2]
    )


@dataclass(frozen=True)
class Plan:
    """What was asked for on the command line."""

    scenarios: Sequence[Scenario]
    reps: int
    quick: bool

    @property
    def folder(self) -> Path:
        """Where the results are kept."""
        return FOLDER / "results" / ("quick" if self.quick else "full")

    @property
    def page(self) -> Path:
        """Where the report goes."""
        return self.folder / "benchmarks.md" if self.quick else PAGE


def measure(scenario: Scenario, plan: Plan) -> bool:
    """Run a scenario on every target in turns and keep the results; whether all runs were good."""
    raw = plan.folder / f"{scenario.key}.runs.json"
    raw.unlink(missing_ok=True)
    flags = [*(["--persist"] if scenario.persist else []), *(["--quick"] if plan.quick else [])]
    command = ["node", "compare.mjs", scenario.name, *scenario.targets, *scenario.sizes, *flags]
    done = subprocess.run(  # noqa: S603 - as above
        [*command, "--reps", str(plan.reps), "--out", str(raw)], cwd=FOLDER, check=False
    )
    if not raw.is_file():
        return False
    sizes, runs = results.read_runs(raw.read_text())
    at = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    measured = results.Measured(scenario.key, at, our_version(), sizes, runs)
    results.save(measured, plan.folder / f"{scenario.key}.json")
    return done.returncode == 0


def our_version() -> str:
    """The commit, and whether the code differs from it."""
    commit, changes = (
        subprocess.run(["git", *words], cwd=ROOT, check=False, capture_output=True, text=True).stdout.strip()  # noqa: S603, S607 - the machine's git
        for words in (("rev-parse", "--short", "HEAD"), ("status", "--porcelain", "--", *CODE))
    )
    return f"{commit or 'without a commit'}{' with changes' if changes else ''}"


def machine() -> str:
    """The processor, its cores, the memory and the kernel."""
    processor = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    kernel = platform.release().partition("-")[0]
    name = processor.group(1) if processor else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {memory_gib:.0f} GiB memory, {platform.system()} {kernel}"


def versions() -> list[str]:
    """What took part: ourselves, the generator's Node, and the peers as their set-up pins them."""
    ours = ", ".join(f"{package} {version(package)}" for package in ("aiohttp", "pycrdt", "uvloop", "aiosqlite"))
    node = subprocess.run(["node", "--version"], check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607 - Make's PATH
    script = (FOLDER / "peers" / "setup-peers.sh").read_text()
    pinned = sorted(set(re.findall(r"[@\w][\w@/.\[\]-]*?(?:@|==)\d[\w.]*", script)))
    return [
        f"Workprint: Python {platform.python_version()}, {ours}",
        f"load generator: Node {node}",
        f"peers: {', '.join(pinned)}",
    ]


def write_report(plan: Plan) -> None:
    """Write the chapter from the newest results of every scenario."""
    kept = {scenario.key: plan.folder / f"{scenario.key}.json" for scenario in SCENARIOS}
    known = {key: results.load(path) for key, path in kept.items() if path.is_file()}
    write_chapter(plan.page, report.render(known, report.Setting(machine(), versions(), plan.quick)))
    say(f"{report.summary(known)} See {os.path.relpath(plan.page)}.")


def parse() -> Plan:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small loads, and docs/benchmarks.md stays as it is")
    parser.add_argument("--reps", type=int, default=3, help="runs of each target in each scenario (default 3)")
    parser.add_argument("--only", nargs="+", choices=[scenario.key for scenario in SCENARIOS], metavar="SCENARIO")
    options = parser.parse_args()
    chosen = [scenario for scenario in SCENARIOS if not options.only or scenario.key in options.only]
    return Plan(chosen, options.reps, options.quick)


def main() -> int:
    """Set up, measure, report; a scenario that fails does not stop the others."""
    plan = parse()
    if shutil.which("npm") is None:
        raise SystemExit("The benchmark needs Node; `make bench` sets it up.")
    copy(benchmark(), FOLDER)
    install()
    plan.folder.mkdir(parents=True, exist_ok=True)
    bad: list[str] = []
    for count, scenario in enumerate(plan.scenarios, start=1):
        say(f"{count} of {len(plan.scenarios)}: {scenario.title}")
        if not measure(scenario, plan):
            bad.append(scenario.key)
    write_report(plan)
    if bad:
        say(f"Runs failed in: {', '.join(bad)}.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
