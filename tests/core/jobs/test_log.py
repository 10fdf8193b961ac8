"""The end of a job's log, as it is shown."""

from pathlib import Path

from core.jobs.job import log_lines


def shown(tmp_path: Path, data: bytes) -> list[str]:
    path = tmp_path / "log.txt"
    path.write_bytes(data)
    return log_lines(path)


def test_lines_are_shown_as_they_are(tmp_path: Path) -> None:
    assert shown(tmp_path, "eins\n\nzwei ü\n".encode()) == ["eins", "", "zwei ü"]
    assert shown(tmp_path, b"no end") == ["no end"]
    assert shown(tmp_path, b"") == []
    assert log_lines(tmp_path / "none.txt") == []


def test_nothing_in_them_acts_on_a_terminal(tmp_path: Path) -> None:
    hostile = (
        b"\x1b[31mred\x1b[0m \x1b]52;c;aGk=\x07clip \x1b]8;;http://x\x1b\\link \x9b2J\xff [b]bold[/b] \x07\x00end\n"
    )
    (line,) = shown(tmp_path, hostile)
    assert line.startswith("red clip link ")
    assert line.endswith("[b]bold[/b] ␇␀end")
    assert line.isprintable()


def test_of_a_bar_the_last_state_is_shown(tmp_path: Path) -> None:
    assert shown(tmp_path, b"10%\r50%\r100%\r\ndone\r\n") == ["100%", "done"]


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    lines = shown(tmp_path, b"".join(b"line %d of a long log\n" % number for number in range(100_000)))
    assert lines[-1] == "line 99999 of a long log"
    assert 1000 < len(lines) < 4000
    assert all(line.startswith("line ") for line in lines)
