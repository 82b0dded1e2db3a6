"""The whole debugger without a window: a session that steps, goes back and checks, and the worker that runs it."""
