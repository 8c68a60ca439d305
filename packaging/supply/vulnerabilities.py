"""Asks ``pip-audit`` for known vulnerabilities of what is locked.

    vulnerabilities.py PIP_AUDIT LOCK

Where its service is out of reach, one line says that nothing was asked: a build must
neither hang nor fail for want of it. What a mirror of the package index does not know
of counts as not asked, though pip-audit takes it for well.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

TIMEOUT_S: Final = 60
SOCKET_TIMEOUT_S: Final = 5


def main(pip_audit: str, lock: str) -> int:
    """Return the exit code: 1 for a vulnerability, else 0."""
    audited = _ask(pip_audit, lock)
    asked = [one for one in audited if "vulns" in one]
    if not asked:
        _say(f"{lock} not audited: the service of vulnerabilities is out of reach")
        return 0
    if len(asked) < len(audited):
        names = sorted(one["name"] for one in audited if "vulns" not in one)
        _say(f"{lock}: the service does not know {', '.join(names)}")
    found = [(one, vulnerability) for one in asked for vulnerability in one["vulns"]]
    for one, vulnerability in found:
        fixed = ", ".join(vulnerability.get("fix_versions", ())) or "no version yet"
        _say(f"{one['name']} {one['version']}: {vulnerability['id']}; fixed in {fixed}")
    return 1 if found else 0


def _ask(pip_audit: str, lock: str) -> list[dict[str, Any]]:
    """Return what it says of each distribution; nothing where it could not ask."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        try:
            subprocess.run(  # noqa: S603 - the caller names the program
                [
                    *(pip_audit, "--requirement", lock, "--require-hashes"),
                    *("--disable-pip", "--progress-spinner", "off"),
                    *("--timeout", str(SOCKET_TIMEOUT_S)),
                    *("--format", "json", "--output", str(report)),
                ],
                timeout=TIMEOUT_S,
                capture_output=True,
                check=False,
            )
            audited: list[dict[str, Any]] = json.loads(report.read_text("utf-8"))[
                "dependencies"
            ]
        except (subprocess.TimeoutExpired, OSError):
            return []
        return audited


def _say(line: str) -> None:
    sys.stderr.write(f"vulnerabilities: {line}\n")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
