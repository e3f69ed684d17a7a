"""What an examination found: what, where, how bad, and what to do; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["fine", "repaired", "warning", "damage"]
_MARKS: dict[Severity, str] = {"fine": "ok", "repaired": "repaired", "warning": "warning", "damage": "DAMAGE"}
STATUS_WARNINGS, STATUS_DAMAGE = 1, 2


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    severity: Severity
    """`damage`: something is lost or broken. `warning`: nothing is lost, but somebody should look."""
    where: str
    what: str
    advice: str = ""

    def line(self) -> str:
        """As the operator reads it."""
        said = f"{_MARKS[self.severity]:<9}{self.where}: {self.what}"
        return f"{said}\n         {self.advice}" if self.advice else said


@dataclass(frozen=True)
class Report:
    """Everything that was found, in the order in which it was looked at."""

    findings: Sequence[Finding]

    @property
    def exit_status(self) -> int:
        """0: all is well, or is now; 1: warnings; 2: something is lost or broken."""
        found = {finding.severity for finding in self.findings}
        if "damage" in found:
            return STATUS_DAMAGE
        return STATUS_WARNINGS if "warning" in found else 0

    def text(self) -> str:
        """The report, and what it comes to."""
        damaged, warned, repaired = (
            sum(finding.severity == severity for finding in self.findings)
            for severity in ("damage", "warning", "repaired")
        )
        total = f"{damaged} damaged, {warned} to look at, {repaired} repaired."
        return "\n".join([*(finding.line() for finding in self.findings), total])
