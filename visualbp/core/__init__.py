"""Things that every floor stands on: read-only arrays, typed options, and the registry."""
