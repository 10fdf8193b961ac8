"""The jobs of the workspace: list, progress, log, result, and polling while the desk is open."""
