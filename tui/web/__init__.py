"""The desk in a browser of this machine, for whoever started the server and nobody else."""
