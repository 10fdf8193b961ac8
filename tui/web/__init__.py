"""The desk in a browser on this machine, for the user who started the server only."""
