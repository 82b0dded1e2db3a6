"""What all other packages build on: read-only arrays, typed options, and the registry."""
