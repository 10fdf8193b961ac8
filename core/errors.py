"""Errors of the headless engine. Each has a message of one sentence and a hint at what to do."""

from labels.errors import SameskuError


class CoreError(SameskuError):
    """A request cannot be carried out."""


class CatalogError(CoreError):
    """A catalogue, or a file to import as one, cannot be read."""


class ModelError(CoreError):
    """A model is missing, damaged or not of the expected kind."""


class SettingsError(CoreError):
    """samesku.toml, the environment or the command line has an unknown or invalid setting."""


class JobError(CoreError):
    """A detached job cannot be started, found or changed."""


class UnreadableError(CoreError):
    """This account lacks permission to read a file of the workspace; the file need not be damaged."""


class DamagedError(CoreError):
    """A derived file was damaged or missing and has been set aside; `samesku index` rebuilds it."""
