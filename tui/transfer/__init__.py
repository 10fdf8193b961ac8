"""Import, export and backup dialogs. Each runs a command in a child process and shows its answer."""
