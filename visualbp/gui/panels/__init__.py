"""The panels: each a function of the newest snapshot and of what is selected, in a dock of its own."""
