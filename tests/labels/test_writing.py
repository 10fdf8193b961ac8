"""Files that appear whole, or a sentence that says why not."""

from pathlib import Path

import pytest

from labels.errors import LabelsError
from labels.exchange.files import check_place, output_text


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text("read me")
    return path


@pytest.mark.parametrize(
    ("inside", "reason"), [("x.csv", "README.md is no folder"), ("deeper/x.csv", "Not a directory")]
)
def test_no_file_is_written_through_another_one(file: Path, inside: str, reason: str) -> None:
    path = file / inside
    with pytest.raises(LabelsError, match=rf"x\.csv cannot be written: .*{reason}\.$"), output_text(path) as out:
        out.write("never")
    with pytest.raises(LabelsError, match=rf"x\.csv cannot be written: .*{reason}\.$"):
        check_place(path)
    assert file.read_text() == "read me"


def test_a_folder_is_no_place_for_a_file(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"is a folder\.$"):
        check_place(tmp_path)


def test_looking_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    check_place(tmp_path / "new" / "x.csv")
    check_place(file)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert file.read_text() == "read me"
