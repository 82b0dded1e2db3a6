"""Model files: reading, writing, migrating, saving, and finding the samples."""

from visualbp.files.errors import FileError
from visualbp.files.read import load_network, network_from_text
from visualbp.files.samples import SampleModel, find_model, sample_models
from visualbp.files.save import moved, save_network, write_atomically
from visualbp.files.write import network_to_text

__all__ = [
    "FileError",
    "SampleModel",
    "find_model",
    "load_network",
    "moved",
    "network_from_text",
    "network_to_text",
    "sample_models",
    "save_network",
    "write_atomically",
]
