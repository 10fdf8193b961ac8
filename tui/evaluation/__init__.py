"""Evaluation reports: metrics with intervals, bands, calibration."""
