"""A workspace on disk: which file is where."""

import os
from dataclasses import dataclass
from pathlib import Path

from core.errors import CoreError


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder that holds one team's catalogues, labels and models.

    `labels.db` is precious; everything else can be imported or computed again.
    """

    home: Path

    @classmethod
    def locate(cls, home: Path | None = None) -> "Workspace":
        """The workspace named on the command line, else by $SAMESKU_HOME, else in the platform's data folder."""
        if home is None and (named := os.environ.get("SAMESKU_HOME")):
            home = Path(named)
        if home is None:
            from platformdirs import user_data_path  # noqa: PLC0415 - only needed without a name

            home = user_data_path("samesku")
        return cls(home.expanduser().absolute())

    def create(self) -> "Workspace":
        """This workspace, its folder made if need be.

        Raises:
            CoreError: the folder cannot be made.
        """
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CoreError(
                f"The workspace {self.home} cannot be made: {error.strerror}.", "Name another with --home DIR."
            ) from error
        return self

    def require(self) -> "Workspace":
        """This workspace, if it has a catalogue.

        Raises:
            CoreError: nothing was imported yet.
        """
        if not self.catalog.exists():
            raise CoreError(
                f"There is no workspace at {self.home}.",
                "Try `samesku demo`, or start one with `samesku import`; `--home DIR` names another.",
            )
        return self

    @property
    def settings(self) -> Path:
        """The team's settings, TOML."""
        return self.home / "samesku.toml"

    @property
    def vocabulary(self) -> Path:
        """The team's own words for colours, brands and the like, TOML; may be absent."""
        return self.home / "vocabulary.toml"

    @property
    def labels(self) -> Path:
        """The ledger; the only file to back up."""
        return self.home / "labels.db"

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
    def reports(self) -> Path:
        """Exports, rejects, metrics."""
        return self.home / "reports"
