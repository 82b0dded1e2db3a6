"""The text of exported programs: valid, readable, harmless whatever people have typed, and complete."""

from __future__ import annotations

import ast
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from tests.building import chain, inline, xor
from tests.interchange.programs import layer_model, random_model, random_models
from tests.registry_cases import layer_cases
from visualbp.datasets import DataError, Dataset, load_dataset
from visualbp.engine import Executor, PlanError, compile_plan
from visualbp.interchange import ExportError, export_pytorch, pytorch_script
from visualbp.layers import layer_types
from visualbp.layers.dense import Dense
from visualbp.network import Network
from visualbp.network.bugs import PlantedBug

MODULES = {"argparse", "base64", "gc", "math", "os", "sys", "zlib", "collections", "functools", "pathlib", "typing"}
MODULES |= {"__future__", "numpy", "torch"}
RUNNING_TEXT = {"eval", "exec", "compile", "__import__", "pickle", "load", "import_module", "system", "subprocess"}


def export(network: Network) -> str:
    assert network.data is not None
    return export_pytorch(network, network.parameters, load_dataset(network.data))


@cache
def names_and_modules(part: str) -> tuple[frozenset[str], frozenset[str]]:
    """The names that a part of a program uses, and the modules that it imports. Programs have most parts in common."""
    names, modules = set[str](), set[str]()
    for node in ast.walk(ast.parse(part)):
        if isinstance(node, ast.Name):
            names.add(node.id)
        elif isinstance(node, ast.Attribute):
            names.add(node.attr)
        elif isinstance(node, ast.Import):
            modules |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module).split(".")[0])
    return frozenset(names), frozenset(modules)


def kinds(source: str) -> list[str]:
    """The kinds of all parts of a program, without its texts and names: what there is of code."""
    return [type(node).__name__ for node in ast.walk(ast.parse(source))]


def test_programs_of_all_layers_are_python_that_runs_no_text_as_code() -> None:
    seen: set[str] = set()
    models = list(random_models(range(60)))
    models += [(0, *layer_model(case)) for case in layer_cases() if not case.kind.is_loss and case.kind.fewest_inputs]
    for seed, network, dataset in models:
        for part in export_pytorch(network, {}, dataset).split("\n\n\n"):  # what stands at its top level
            names, modules = names_and_modules(part)
            assert not names & RUNNING_TEXT and modules <= MODULES, seed
        seen |= {layer.type for layer in network.layers}
    assert seen == set(layer_types.names())


def test_programs_have_nothing_that_a_linter_would_take_out(tmp_path: Path) -> None:
    for seed, network, dataset in random_models(range(20)):
        (tmp_path / f"network_{seed}.py").write_text(export_pytorch(network, {}, dataset), "utf-8")
    (tmp_path / "network.py").write_text(export(xor()), "utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--line-length", "120"]
    done = subprocess.run(
        [*command, "--select", "E,F,W,I,UP,B,SIM", str(tmp_path)], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout


def test_a_layer_without_a_form_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Dense, "to_pytorch")
    with pytest.raises(ExportError, match="hidden: layers of the type dense have no form in PyTorch"):
        export(xor())


def test_a_network_is_one_text_always() -> None:
    network, dataset = random_model(4)
    assert export_pytorch(network, {}, dataset) == export_pytorch(network, {}, dataset)


HOSTILE = (
    '"""\nimport os\nos.system("true")\n"""',
    '\\"""\nimport os  # ',
    "\\",
    'ends with "',
    "'''",
    "line\rreturn\x0bfeed\x00null",
    "\u202ereversed\u2028separator",
    "{brace} %(prog)s {0}",
    "x" * 200,
    "# comment\n    indented",
    "del self",
    "import",
    "forward",
    "self",
    "torch",
    "Custom",
    "1st",
    "é",
    "a b",
    "a_b",
    " ",
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_of_the_model_becomes_code(text: str) -> None:
    plain = xor(name="plain", description="plain")
    assert plain.data is not None
    dataset = load_dataset(plain.data)
    ends = {"hidden": text}
    renamed = replace(
        plain,
        layers=tuple(replace(layer, name=ends.get(layer.name, layer.name)) for layer in plain.layers),
        connections=tuple((ends.get(one, one), ends.get(other, other)) for one, other in plain.connections),
    )
    weight = {"weight": np.ones((4, 2))}  # as it would be drawn from the name
    expected = kinds(export_pytorch(plain, {"hidden": weight}, dataset))
    for network in (replace(plain, name=text), replace(plain, description=text), renamed):
        source = export_pytorch(network, {"hidden": weight, text: weight}, dataset, file_name=f"{text}.py")
        assert kinds(source) == expected
        assert all(letter.isprintable() or letter == "\n" for letter in source)


def test_half_a_character_is_no_trouble() -> None:
    assert "a ? in it" in export(xor(description="a \ud800 in it")).encode("utf-8").decode("utf-8")


def test_layers_keep_their_names_and_others_are_told_by_a_comment() -> None:
    network = chain(
        ("input", "input", {"shape": [2]}),
        ("first layer", "dense", {"units": 3, "activation": "relu"}),
        ("forward", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
        data=inline([[0, 1]], [[1.0]]),
    )
    source = export(network)
    assert "self.first_layer = nn.Linear(2, 3)  # 'first layer'" in source
    assert "first_layer = torch.relu(self.first_layer(input))  # (batch, 3)" in source
    assert "self.forward_layer = nn.Linear(3, 1)  # 'forward'" in source


def test_layers_that_do_not_lead_to_the_loss_are_left_out_and_said_to_be() -> None:
    from visualbp.network import edits
    from visualbp.network.network import make_layer

    network = edits.add_layer(xor(), make_layer("aside", "dense", {"units": 2}), (0.0, 0.0))
    network = edits.connect(network, "input", "aside")
    source = export(network)
    assert "Left out, for they do not lead to the loss: aside." in source and "self.aside" not in source


def test_what_a_network_does_not_use_is_not_in_its_program() -> None:
    source = export(xor())
    unwanted = ("clip_grad", "penalty", "generator", "Recurrent", "weight_norm", "unpacked", "FROZEN", "learning_rate")
    assert not [word for word in unwanted if word in source]


def test_the_given_parameters_are_written_and_absent_ones_start_from_the_seed() -> None:
    network = xor(hidden=2, seed=3)
    weight = np.array([[0.1, -0.0], [1e-320, 1e300]])
    assert network.data is not None
    source = export_pytorch(network, {"hidden": {"weight": weight}}, load_dataset(network.data))
    assert '"hidden.weight": np.array([[0.1, -0.0], [1e-320, 1e+300]])' in source
    drawn = Executor(compile_plan(network), load_dataset(network.data)).parameter_views()
    output = next(array for value, array in drawn.items() if value.text == "output.weight")
    assert f'"output.weight": np.array({output.tolist()})' in source


def test_planted_bugs_are_said_to_be_left_out() -> None:
    bug = PlantedBug("sign", "hidden", "z", "weight")
    source = export(replace(xor(), bugs=(bug,)))
    assert "The bugs that are planted in the model are not in here" in source
    assert "The bugs" not in export(xor())


def test_a_network_that_cannot_run_and_data_that_do_not_fit_are_refused_in_words() -> None:
    network = xor()
    assert network.data is not None
    dataset = load_dataset(network.data)
    with pytest.raises(PlanError, match="hidden: weight is"):
        export_pytorch(network, {"hidden": {"weight": np.zeros((9, 9))}}, dataset)
    with pytest.raises(DataError, match="input: takes samples of shape"):
        export_pytorch(network, {}, Dataset(np.zeros((4, 3)), dataset.targets))


def test_long_arrays_of_large_models_are_left_for_a_file_beside_the_program() -> None:
    network = chain(
        ("input", "input", {"shape": [600]}),
        ("hidden", "dense", {"units": 900}),
        ("output", "dense", {"units": 1}),
        ("loss", "mean_squared_error", {}),
    )
    dataset = Dataset(np.ones((2, 600)), np.ones((2, 1)))
    script = pytorch_script(network, {}, dataset, "large.py", "large_arrays.npz")
    assert set(script.arrays) == {"hidden.weight"} and script.arrays["hidden.weight"].shape == (900, 600)
    assert 'np.load(Path(__file__).with_name("large_arrays.npz"))' in script.source.replace("'", '"')
    assert '"hidden.weight": ARRAYS["hidden.weight"]' in script.source and len(script.source) < 50_000
    ast.parse(script.source)
    small = pytorch_script(xor(), {}, load_dataset(xor().data or network.data), "xor.py", "xor_arrays.npz")  # type: ignore[arg-type]
    assert not small.arrays and "ARRAYS" not in small.source
