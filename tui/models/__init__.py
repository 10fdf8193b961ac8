"""The encoders of the workspace, their comparison, and retraining."""
