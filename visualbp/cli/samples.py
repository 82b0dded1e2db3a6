"""visualbp samples: the sample models, with what to do and what to see in each."""

from __future__ import annotations

import argparse
import shutil
import textwrap

from visualbp.cli.output import print_json, print_line
from visualbp.cli.running import add_json
from visualbp.files import sample_models


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what `samples` takes: nothing but the form of the answer."""
    add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the name, the title and the description of each sample; in JSON, where its file lies too."""
    samples = sample_models()
    if arguments.json:
        fields = ("name", "title", "description", "path")
        print_json({"samples": [{field: str(getattr(sample, field)) for field in fields} for sample in samples]})
        return 0
    width = min(shutil.get_terminal_size().columns, 100)
    for sample in samples:
        print_line(f"{sample.name}  ({sample.title})")
        for line in textwrap.wrap(sample.description, width, initial_indent="    ", subsequent_indent="    "):
            print_line(line)
        print_line()
    print_line("Open one with visualbp NAME; visualbp trace NAME runs it here.")
    return 0
