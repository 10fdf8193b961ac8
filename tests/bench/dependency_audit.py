"""Known vulnerabilities of the installed packages, by pip-audit; and whether they were looked up at all.

    python -m tests.bench.dependency_audit

pip-audit itself says "no known vulnerabilities" and exits 0 where an index has no vulnerability data for any package,
as mirrors do not. Exit code 1: a package has a known vulnerability. 0: none has, or nothing could be looked up, which
is said.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import Any

#: PyPI's own JSON interface, which names the vulnerabilities of each release; the only one that many mirrors pass on.
_COMMAND = ("-m", "pip_audit", "--vulnerability-service", "pypi", "--skip-editable", "--progress-spinner", "off")
#: One request per package, and a slow network.
_TIMEOUT_S = 600


@dataclass
class Audit:
    """What pip-audit found.

    Attributes:
        audited: packages that were looked up.
        skipped: those that were not.
        vulnerable: a line for each known vulnerability.
    """

    audited: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    vulnerable: list[str] = field(default_factory=list)


def read(report: dict[str, Any]) -> Audit:
    """An audit from pip-audit's JSON report."""
    audit = Audit()
    for package in report["dependencies"]:
        if "skip_reason" in package:
            audit.skipped.append(package["name"])
            continue
        audit.audited.append(package["name"])
        for vulnerability in package["vulns"]:
            fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
            found = f"{package['name']} {package['version']}: {vulnerability['id']}, fixed in {fixed}"
            audit.vulnerable.append(found)
    return audit


def summary(audit: Audit) -> str:
    """The audit in sentences."""
    if not audit.audited:
        return "pip-audit: the package index has no vulnerability data; nothing was audited."
    lines = [f"pip-audit: {len(audit.audited)} packages audited, {len(audit.vulnerable)} known vulnerabilities"]
    lines += audit.vulnerable
    if audit.skipped:
        lines.append(f"not on the index, and so not audited: {', '.join(audit.skipped)}")
    return "\n".join(lines)


def main() -> None:
    """Look up and report."""
    done = subprocess.run(
        [sys.executable, *_COMMAND, "--format", "json"],
        capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
    )  # fmt: skip
    try:
        audit = read(json.loads(done.stdout))
    except ValueError:
        # No report: pip-audit ends with a traceback where it reaches no index.
        last = done.stderr.strip().rpartition("\n")[2]
        sys.stdout.write(f"pip-audit: the package index cannot be reached; nothing was audited. {last}\n")
        return
    sys.stdout.write(summary(audit) + "\n")
    sys.exit(bool(audit.vulnerable))


if __name__ == "__main__":
    main()
