"""What the axes of a value are called, also of sequences whose channels come first."""

from __future__ import annotations

from tests.building import chain
from tests.refs import ref
from visualbp.engine import compile_plan
from visualbp.gui.axes import axes_of


def test_a_convolution_of_sequences_and_a_group_norm_call_their_axes_channel_and_position() -> None:
    plan = compile_plan(
        chain(
            ("input", "input", {"shape": [2, 8]}),
            ("conv", "conv1d", {"filters": 4}),
            ("norm", "group_norm", {"groups": 2}),
            ("flat", "flatten", {}),
            ("loss", "mean_squared_error", {}),
        )
    )
    for name in ("conv", "norm"):
        assert axes_of(plan, ref(name, "h"), 3) == ("sample", "channel", "position")
        assert axes_of(plan, ref(name, "h").gradient, 3) == ("sample", "channel", "position")
    assert axes_of(plan, ref("conv", "weight"), 3) == ("filter", "channel", "place")
    assert axes_of(plan, ref("conv", "bias"), 1) == ("filter",)
    assert axes_of(plan, ref("norm", "weight"), 1) == ("channel",)


def test_a_group_norm_of_vectors_and_of_images_calls_them_as_all_layers_do() -> None:
    for shape, names in (([6], ("unit",)), ([4, 3, 3], ("channel", "row", "column"))):
        plan = compile_plan(
            chain(
                ("input", "input", {"shape": shape}),
                ("norm", "group_norm", {"groups": 2}),
                ("flat", "flatten", {}),
                ("loss", "mean_squared_error", {}),
            )
        )
        assert axes_of(plan, ref("norm", "h"), 1 + len(shape)) == ("sample", *names)
