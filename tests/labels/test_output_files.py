"""Output files: written atomically, or refused with a reason."""

from pathlib import Path

import pytest

from labels.errors import LabelsError
from labels.exchange.files import create_folder, output_text, require_writable


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "README.md"
    path.write_text("read me")
    return path


@pytest.mark.parametrize(
    ("inside", "reason"), [("x.csv", "README.md is not a folder"), ("deeper/x.csv", "Not a directory")]
)
def test_a_file_in_place_of_the_folder_is_an_error(file: Path, inside: str, reason: str) -> None:
    path = file / inside
    with pytest.raises(LabelsError, match=rf"x\.csv cannot be written: .*{reason}\.$"), output_text(path) as out:
        out.write("never")
    with pytest.raises(LabelsError, match=rf"x\.csv cannot be written: .*{reason}\.$"):
        require_writable(path)
    assert file.read_text() == "read me"


def test_a_folder_at_the_path_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(LabelsError, match=r"is a folder\.$"):
        require_writable(tmp_path)


def test_the_check_leaves_no_files(file: Path, tmp_path: Path) -> None:
    require_writable(tmp_path / "x.csv")
    require_writable(file)
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]
    assert file.read_text() == "read me"


def test_a_missing_folder_is_named_and_not_created(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deeper" / "x.csv"
    with pytest.raises(LabelsError, match=r"There is no folder .*/new/deeper\."), output_text(path) as out:
        out.write("never")
    with pytest.raises(LabelsError, match=r"There is no folder .*/new/deeper\.") as missing:
        require_writable(path)
    assert missing.value.hint.endswith(f"mkdir -p {path.parent}")
    with pytest.raises(LabelsError, match=r"There is no folder .*/new\."):
        create_folder(tmp_path / "new" / "deeper")
    assert list(tmp_path.iterdir()) == []
