"""Label counts, annotator figures, inter-annotator agreement, and the progress of the streams."""
