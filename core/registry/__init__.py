"""The models of a workspace: lineage, metrics, champion."""
