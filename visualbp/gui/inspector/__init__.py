"""The inspector: editors generated from the kinds of options, never from the types of layers, and tables of numbers."""
