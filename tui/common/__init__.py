"""Widgets, dialogs and text that several pages share."""
