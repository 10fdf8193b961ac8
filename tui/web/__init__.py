"""The desk in a browser of this machine, for the user who started the server alone."""
