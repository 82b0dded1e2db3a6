"""Comparisons with PyTorch, which is an oracle for tests and never a dependency."""
