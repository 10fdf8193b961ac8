"""The review queue: which query comes next and why, and the review session."""
