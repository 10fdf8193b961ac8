"""A workspace on disk: which file is where."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError
from labels.files import way_out


def close_to_others() -> None:
    """From now on, nothing that this process or its children make can be read by others than its owner and group.

    What the group may do stays with the umask, as its owner has set it.
    """
    os.umask(os.umask(0o077) | stat.S_IRWXO)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that holds one team's catalogues, labels and models.

    `labels.db` is precious; everything else can be imported or computed again.
    """

    home: Path

    @classmethod
    def locate(cls, home: Path | None = None) -> "Workspace":
        """The workspace named on the command line, else by $SAMESKU_HOME, else in the platform's data folder.

        Raises:
            CoreError: it would be in a home folder, and there is none, as in a container under a bare user number.
        """
        if home is None and (named := os.environ.get("SAMESKU_HOME")):
            home = Path(named)
        try:
            if home is None:
                from platformdirs import user_data_path  # noqa: PLC0415 - only needed without a name

                home = user_data_path("samesku")
            return cls(home.expanduser().absolute())
        except RuntimeError as error:
            what = "No workspace was named, and this account has no" if home is None else f"{home} is in no existing"
            raise CoreError(
                f"{what} home folder.",
                "Name the workspace by its whole path: --home /srv/samesku, or in SAMESKU_HOME.",
            ) from error

    def create(self) -> "Workspace":
        """This workspace, its folder made if need be: for its owner and group, and what is in it for the same group.

        Raises:
            CoreError: the folder cannot be made.
        """
        try:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.home.mkdir(mode=0o770)
                self.home.chmod(stat.S_IMODE(self.home.stat().st_mode) | stat.S_ISGID)
            self.home.mkdir(exist_ok=True)
        except OSError as error:
            raise CoreError(
                f"The workspace {self.home} cannot be made: {error.strerror}.",
                way_out(error, "Name another with --home DIR."),
            ) from error
        return self

    def require(self) -> "Workspace":
        """This workspace, if it has a catalogue.

        Raises:
            CoreError: nothing was imported yet, the catalogue is gone, or this account may not look.
        """
        self.require_open()
        there = os.path.lexists(self.catalog)
        if not there and self.labels.exists():
            raise CoreError(
                f"The workspace {self.home} has no catalogue: catalog.db is missing.",
                "Import your products; nothing of the labels is lost: they are in labels.db.",
            )
        if not there:
            raise CoreError(
                f"There is no workspace at {self.home}.",
                "`samesku import products FILE --source NAME` starts one, `samesku demo` too; --home names another.",
            )
        return self

    def require_open(self) -> None:
        """Return if this account may look into the workspace, or there is none.

        Raises:
            CoreError: it may not.
        """
        try:
            self.catalog.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise CoreError(
                f"The workspace {self.home} cannot be looked into: {error.strerror}.",
                way_out(error, "Name another with --home DIR."),
            ) from error

    def open_to_others(self) -> list[Path]:
        """What everybody on this machine may look into: files and folders, unless the workspace itself is closed."""
        if not self.home.is_dir() or not self.home.stat().st_mode & stat.S_IRWXO:
            return []
        inside = (path for path in sorted(self.home.iterdir()) if not path.is_symlink())
        return [path for path in (self.home, *inside) if path.stat().st_mode & stat.S_IRWXO]

    @property
    def settings(self) -> Path:
        """The team's settings, TOML."""
        return self.home / "samesku.toml"

    @property
    def vocabulary(self) -> Path:
        """The team's own words for colours, brands and the like, TOML; may be absent."""
        return self.home / "vocabulary.toml"

    @property
    def guidelines(self) -> Path:
        """What the team calls the same product, Markdown for people; may be absent."""
        return self.home / "guidelines.md"

    @property
    def labels(self) -> Path:
        """The ledger; the only file to back up."""
        return self.home / "labels.db"

    @property
    def backups(self) -> Path:
        """Backups of the ledger; they also show when events are missing from it."""
        return self.home / "backups"

    @property
    def pseudonyms(self) -> Path:
        """The key that makes the annotators' other names; it leaves the workspace with no export."""
        return self.home / "pseudonyms.key"

    @property
    def catalog(self) -> Path:
        """What was imported."""
        return self.home / "catalog.db"

    @property
    def derived(self) -> Path:
        """Candidates; can always be rebuilt."""
        return self.home / "derived.db"

    @property
    def index(self) -> Path:
        """Vectors and FAISS indexes, a folder per model id."""
        return self.home / "index"

    @property
    def models(self) -> Path:
        """Trained models, a folder per model id."""
        return self.home / "models"

    @property
    def jobs(self) -> Path:
        """Detached jobs, a folder each."""
        return self.home / "jobs"

    @property
    def sittings(self) -> Path:
        """Where each annotator was, and how they left; only a comfort."""
        return self.home / "sittings"

    @property
    def notices(self) -> Path:
        """Which settings with former names this workspace was told of, JSON; only a comfort."""
        return self.home / "notices.json"

    @property
    def reports(self) -> Path:
        """Exports, rejects, metrics."""
        return self.home / "reports"
