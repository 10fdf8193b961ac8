"""Labels in and out of a workspace as files."""
