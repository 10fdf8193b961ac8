"""A workspace on disk: the paths of its files, and their permissions."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError
from labels.files import way_out

#: The workspace without --home, for help texts; see `Workspace.locate`.
DEFAULT_HOME = "$SAMESKU_HOME, else ~/.local/share/samesku on Linux, ~/Library/Application Support/samesku on macOS"


def restrict_umask() -> None:
    """Set the umask so that files of this process and its children are inaccessible to other users.

    The group's permissions stay as the umask has them.
    """
    os.umask(os.umask(0o077) | stat.S_IRWXO)


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder with one team's catalogues, labels and models.

    Only `labels.db` is irreplaceable; everything else can be imported or computed again.
    """

    home: Path

    @classmethod
    def locate(cls, home: Path | None = None) -> "Workspace":
        """The workspace given on the command line, else in $SAMESKU_HOME, else in the platform's data folder.

        Raises:
            CoreError: the account has no home folder, as in a container that runs under a bare user id.
        """
        if home is None and (named := os.environ.get("SAMESKU_HOME")):
            home = Path(named)
        try:
            if home is None:
                from platformdirs import user_data_path  # noqa: PLC0415 - only needed without a given folder

                home = user_data_path("samesku")
            return cls(home.expanduser().absolute())
        except RuntimeError as error:
            what = "No workspace was named, and this account has no" if home is None else f"{home} is in no existing"
            raise CoreError(
                f"{what} home folder.",
                "Give the workspace's absolute path: --home /srv/samesku, or SAMESKU_HOME.",
            ) from error

    def create(self) -> "Workspace":
        """Create the folder unless it exists: mode 0770 with setgid, so that its files belong to the same group.

        Returns:
            This workspace.

        Raises:
            CoreError: the folder cannot be created.
        """
        try:
            self.home.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileExistsError):
                self.home.mkdir(mode=0o770)
                self.home.chmod(stat.S_IMODE(self.home.stat().st_mode) | stat.S_ISGID)
            self.home.mkdir(exist_ok=True)
        except OSError as error:
            raise CoreError(
                f"The workspace {self.home} cannot be created: {error.strerror}.",
                way_out(error, "Choose another folder with --home DIR."),
            ) from error
        return self

    def require(self) -> "Workspace":
        """Check that there is a catalogue.

        Returns:
            This workspace.

        Raises:
            CoreError: nothing was imported yet, the catalogue is missing, or this account has no access.
        """
        self.require_access()
        if not os.path.lexists(self.catalog):
            if self.labels.exists():
                raise CoreError(
                    f"The workspace {self.home} has no catalogue: catalog.db is missing.",
                    "Import your products; no label is lost: they are in labels.db.",
                )
            raise CoreError(
                f"There is no workspace at {self.home}.",
                "`samesku import products FILE --source NAME` starts one, `samesku demo` too; --home names another.",
            )
        return self

    def require_access(self) -> None:
        """Raise CoreError if there is a workspace that this account may not access."""
        try:
            self.catalog.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise CoreError(
                f"The workspace {self.home} cannot be accessed: {error.strerror}.",
                way_out(error, "Choose another folder with --home DIR."),
            ) from error

    def world_accessible(self) -> list[Path]:
        """Paths that every user of this machine can access; empty if the folder itself is closed to them."""
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
        """The team's custom vocabulary (colours, brands and the like), TOML; need not exist."""
        return self.home / "vocabulary.toml"

    @property
    def guidelines(self) -> Path:
        """The team's labelling guidelines, Markdown; need not exist."""
        return self.home / "guidelines.md"

    @property
    def labels(self) -> Path:
        """The ledger of labels; the only file that needs a backup."""
        return self.home / "labels.db"

    @property
    def backups(self) -> Path:
        """Backups of the ledger, which also reveal missing events."""
        return self.home / "backups"

    @property
    def pseudonyms(self) -> Path:
        """The secret key behind annotators' pseudonyms; never exported."""
        return self.home / "pseudonyms.key"

    @property
    def api_keys(self) -> Path:
        """Names and hashes of the keys of the HTTP service, JSON; need not exist."""
        return self.home / "api_keys.json"

    @property
    def catalog(self) -> Path:
        """The imported products."""
        return self.home / "catalog.db"

    @property
    def derived(self) -> Path:
        """Candidates, feature vectors and verdicts; derived data."""
        return self.home / "derived.db"

    @property
    def weak_labels(self) -> Path:
        """Weak labels from GTINs and purchases, JSON lines; can be made again."""
        return self.home / "weak_labels.jsonl"

    @property
    def llm_labels(self) -> Path:
        """Labels by language models, JSON lines; making them again costs money."""
        return self.home / "llm_labels.jsonl"

    @property
    def product_ids(self) -> Path:
        """The product ids of the last clustering, JSON lines; without them, some products get another id."""
        return self.home / "product_ids.jsonl"

    @property
    def index(self) -> Path:
        """Vectors and FAISS indexes, one folder per model id."""
        return self.home / "index"

    @property
    def models(self) -> Path:
        """Trained models, one folder per model id."""
        return self.home / "models"

    @property
    def checkpoints(self) -> Path:
        """Checkpoints of retrains that were interrupted, one folder per run; expendable."""
        return self.models / "checkpoints"

    @property
    def sweeps(self) -> Path:
        """Trials of sweeps over recipes, one folder each; expendable."""
        return self.home / "sweeps"

    @property
    def jobs(self) -> Path:
        """Detached jobs, one folder each."""
        return self.home / "jobs"

    @property
    def sessions(self) -> Path:
        """The last session of each annotator, for resuming; expendable."""
        return self.home / "sittings"

    @property
    def notices(self) -> Path:
        """Former setting names that were reported already, JSON; expendable."""
        return self.home / "notices.json"

    @property
    def monitoring(self) -> Path:
        """Snapshots of `samesku monitor`, JSON; without it the present state becomes the reference."""
        return self.home / "monitoring.json"

    @property
    def reports(self) -> Path:
        """Exports, lists of rejected rows, and evaluation reports."""
        return self.home / "reports"
