"""The HTTP service: matching, feedback and verdicts for other programs. FastAPI is imported here and nowhere else."""
