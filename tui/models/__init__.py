"""Encoders of the workspace: overview, comparison, promotion and retraining."""
