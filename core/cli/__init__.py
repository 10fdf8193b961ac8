"""The headless verbs, one thin module each."""
