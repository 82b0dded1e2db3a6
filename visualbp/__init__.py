"""A visual debugger for backpropagation. Only the version lives here, so that importing the package costs nothing."""

__version__ = "0.1.0"
