"""The data that networks learn from: built-in sets, data written in the model file, and CSV files."""

from visualbp.datasets.base import DataError, Dataset, DataSpec, datasets, load_dataset

__all__ = ["DataError", "DataSpec", "Dataset", "datasets", "load_dataset"]
