"""How names and arrays are written in a PyTorch program, whatever people have typed."""

from __future__ import annotations

import base64
import keyword
import re
import textwrap
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from visualbp.core.arrays import Array
from visualbp.core.python_text import WIDTH
from visualbp.core.pytorch_code import FunctionClasses

MOST_INLINE = 200
"""Arrays of at most so many numbers are written as lists; longer ones are packed."""

LONGEST_NAME = 40

_MODULE_NAMES = """
add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval extra_repr
float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules mtia
named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule
share_memory state_dict T_destination to to_empty train training type xpu zero_grad
"""
MODULE_NAMES = frozenset(_MODULE_NAMES.split())
"""What every torch.nn.Module has already."""

USED_NAMES = frozenset({"self", "torch", "functional", "nn", "np"})
"""What the module's own code refers to."""


def identifiers(names: Iterable[str]) -> dict[str, str]:
    """Return a name for each layer that can be an attribute of a module and a variable of its code, all distinct."""
    taken: set[str] = set()
    found: dict[str, str] = {}
    for name in names:
        plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:LONGEST_NAME] or "layer"
        if plain[0].isdigit():
            plain = f"layer_{plain}"
        if (
            keyword.iskeyword(plain)
            or plain in MODULE_NAMES
            or plain in USED_NAMES
            or re.fullmatch(FunctionClasses.NAMES, plain)
        ):
            plain = f"{plain}_layer"
        free, number = plain, 1
        while free in taken:
            number += 1
            free = f"{plain}_{number}"
        taken.add(free)
        found[name] = free
    return found


def number_text(value: Any, single: bool = False) -> str:
    """Return the shortest literal that gives this number again, in float64, or in float32 if `single`."""
    if isinstance(value, int | np.integer):
        return str(int(value))
    if single:
        short = str(np.float32(value))
        if np.float32(float(short)) == np.float32(value):
            return repr(float(short))
    return repr(float(value))


def array_text(array: Array, indent: str = "", used: int = 0) -> str:
    """Return an expression of NumPy whose value is `array`, bit by bit.

    `indent` is that of the line in which it begins, and `used` the characters that stand in this line already.
    """
    if array.size <= MOST_INLINE and np.isfinite(array).all():
        return f"np.array({_nested(array, indent, used + len('np.array()'))})"
    kind = array.dtype.newbyteorder("<").str
    packed = base64.b64encode(zlib.compress(np.ascontiguousarray(array, kind).tobytes())).decode("ascii")
    lines = "\n".join(packed[start : start + WIDTH] for start in range(0, len(packed), WIDTH))
    return f'unpacked("{kind}", {array.shape}, """\n{lines}\n{indent}""")'


def _nested(array: Array, indent: str, used: int) -> str:
    """Return nested lists: on one line where they fit, else a line for each row, and long rows filled."""
    inner, single = indent + "    ", array.dtype == np.float32
    if array.ndim == 1:
        rows = [number_text(number, single) for number in array]
    else:
        rows = [_nested(row, inner, len(inner)) for row in array]
    line = f"[{', '.join(rows)}]"
    if "\n" not in line and used + len(line) + 1 <= WIDTH:
        return line
    if array.ndim == 1:
        filled = textwrap.fill(", ".join(rows) + ",", WIDTH, initial_indent=inner, subsequent_indent=inner)
        return f"[\n{filled}\n{indent}]"
    return "\n".join(["[", *(f"{inner}{row}," for row in rows), f"{indent}]"])
