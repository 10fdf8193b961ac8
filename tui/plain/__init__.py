"""The desk as lines of text, for screen readers and bad lines: `samesku review --plain`."""
