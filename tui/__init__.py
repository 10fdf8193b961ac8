"""The desk: where people decide. It never imports a model library."""
