"""`make audit`: an index without vulnerability data is no clean bill of health."""

import subprocess

import pytest

from tests.bench import dependency_audit
from tests.bench.dependency_audit import read, summary

SKIPPED = {"name": "torch", "skip_reason": "not found"}
FINE = {"name": "rich", "version": "1.0", "vulns": []}
OLD = {"name": "jinja2", "version": "2.0", "vulns": [{"id": "CVE-1", "fix_versions": ["2.1"], "description": ""}]}


def test_nothing_audited_is_said() -> None:
    assert summary(read({"dependencies": [SKIPPED]})).endswith("nothing was audited.")


def test_what_was_found_and_what_was_skipped_is_listed() -> None:
    said = summary(read({"dependencies": [SKIPPED, FINE, OLD]}))
    assert "2 packages audited, 1 known vulnerabilities" in said
    assert "jinja2 2.0: CVE-1, fixed in 2.1" in said
    assert said.endswith("not audited: torch")


@pytest.mark.parametrize(
    ("report", "code", "word"),
    [
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', 0, "audited, 0 known"),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}]}',
            1,
            "no version",
        ),
    ],
)
def test_a_vulnerability_fails(
    report: str, code: int, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: subprocess.CompletedProcess((), code, report, ""))
    with pytest.raises(SystemExit) as ended:
        dependency_audit.main()
    assert ended.value.code == code
    assert word in capsys.readouterr().out


def test_no_index_is_said_and_fails_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unreachable = subprocess.CompletedProcess((), 1, "", "Traceback …\nConnectionError: no route to host")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: unreachable)
    dependency_audit.main()
    assert "cannot be reached; nothing was audited. ConnectionError: no route to host" in capsys.readouterr().out
