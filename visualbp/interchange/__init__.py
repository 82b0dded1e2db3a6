"""The ways in and out of other programs."""

from visualbp.core.pytorch_code import ExportError
from visualbp.interchange.export_files import write_listing, write_pytorch
from visualbp.interchange.pytorch_source import PytorchScript, export_pytorch, pytorch_script

__all__ = ["ExportError", "PytorchScript", "export_pytorch", "pytorch_script", "write_listing", "write_pytorch"]
