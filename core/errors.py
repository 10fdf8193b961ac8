"""The errors of the headless engine; each is a sentence and a way out."""

from labels.errors import SameskuError


class CoreError(SameskuError):
    """The engine cannot do what was asked."""


class CatalogError(CoreError):
    """A catalogue, or a file that was said to hold one, cannot be read."""


class ModelError(CoreError):
    """A model is absent, damaged or not what it says it is."""


class SettingsError(CoreError):
    """samesku.toml, the environment or the command line holds a setting that does not fit."""


class JobError(CoreError):
    """A detached job cannot be started, found or changed."""


class UnreadableError(CoreError):
    """A file of the workspace may not be read by this account; nothing says that it is damaged."""


class DamagedError(CoreError):
    """Something that can be computed again is damaged or gone. It was set aside, and `samesku index` makes it again."""
