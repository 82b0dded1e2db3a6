"""What a convolution says of itself: in sentences, in shapes, and in NumPy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from visualbp.operations.convolution.terms import ConvolutionTerms
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.words import ShapeTexts, Told, Words

IN_PARTS = '''\
def in_parts(weight, samples, places):
    """The samples in parts whose columns fit into the cache, and the order of axes that is quickest for them."""
    count = 131072 // (weight[0].size * int(np.prod(places)))
    if count < samples:
        count = max(1, count - count % 8 if count > 8 else count)
    parts = [slice(start, min(start + count, samples)) for start in range(0, samples, count)]
    axes = range(2, 2 + len(places))
    return parts, (*axes, 0) if min(count, samples) >= 8 or places[-1] < 8 else (0, *axes)'''

COLUMNS_OF = '''\
def columns_of(x, kernel, stride, padding, order):
    """Every window as a column (channels and places within the window, all places)."""
    axes = tuple(range(2, x.ndim))  # rows and columns of images; the positions of sequences
    x = np.pad(x, ((0, 0), (0, 0), *[(padding, padding) for _ in axes]))
    windows = np.lib.stride_tricks.sliding_window_view(x, [kernel for _ in axes], axes)
    windows = windows[:, :, *[slice(None, None, stride) for _ in axes]]
    within = range(x.ndim, windows.ndim)
    return windows.transpose(1, *within, *order).reshape(x.shape[1] * kernel ** len(axes), -1)'''

CONVOLVED = '''\
def convolved(x, weight, stride, padding):
    """The filters slid over x: one matrix product with all windows."""
    filters, kernel = len(weight), weight.shape[-1]
    places = [(length + 2 * padding - kernel) // stride + 1 for length in x.shape[2:]]
    parts, order = in_parts(weight, len(x), places)
    z = np.empty((len(x), filters, *places), x.dtype)
    for part in parts:
        target = z[part].transpose(1, *order)
        product = weight.reshape(filters, -1) @ columns_of(x[part], kernel, stride, padding, order)
        target[...] = product.reshape(target.shape)
    return z'''

BACK_TO_FILTERS = '''\
def back_to_filters(upstream, x, weight, stride, padding):
    """Upstream times what lay under each weight, summed over all places."""
    parts, order = in_parts(weight, len(x), upstream.shape[2:])
    products = []
    for part in parts:
        rows = upstream[part].transpose(1, *order).reshape(len(weight), -1)
        products.append(rows @ columns_of(x[part], weight.shape[-1], stride, padding, order).T)
    return sum(products[1:], products[0]).reshape(weight.shape)'''

BACK_TO_INPUT = '''\
def back_to_input(upstream, x, weight, stride, padding):
    """Upstream back through the filters: a number of x gets from every window that it was in."""
    filters, channels, *kernel = weight.shape
    lengths, places = x.shape[2:], upstream.shape[2:]
    parts, order = in_parts(weight, len(x), places)
    back = np.zeros((len(x), channels, *[length + 2 * padding for length in lengths]), x.dtype)
    for part in parts:
        signals = upstream[part].transpose(1, *order)
        shares = weight.reshape(filters, -1).T @ signals.reshape(filters, -1)
        shares = shares.reshape(channels, *kernel, *signals.shape[1:])
        for place in np.ndindex(*kernel):
            met = [slice(at, at + stride * (count - 1) + 1, stride) for at, count in zip(place, places)]
            target = back[part][:, :, *met].transpose(1, *order)
            target += shares[:, *place]
    inner = [slice(padding, padding + length) for length in lengths]
    return np.ascontiguousarray(back[:, :, *inner])'''


class Convolution(ConvolutionTerms):
    """A convolution that says what it does."""

    numpy_helpers = (IN_PARTS, COLUMNS_OF, CONVOLVED, BACK_TO_FILTERS, BACK_TO_INPUT)

    def sentence(self, words: Words) -> str:
        bias = " and adds b" if len(words.sources) > 2 else ""
        return f"{words.layer} slides its filters W over {words.sources[0]}{bias}: {words.result}."

    def vjp_sentence(self, words: Words) -> str:
        match self.operand_name(words.operand):
            case "weight":
                return f"times what lay under the filters, summed over all places of the batch, is {words.result}"
            case "bias":
                return f", summed over all places of the batch, is {words.result}"
        return f"goes back through {words.roles[1]} to {words.source}"

    glossary: ClassVar[Mapping[str, str]] = {"back through": ""}

    def shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight, *bias = shapes.operands
        text, claim = "=  {weight} over {x}", "weight[0] == result[1] and x[0] == result[0]"
        if bias:
            return Told(f"{text} + {{bias}}", f"{claim} and bias == weight[:1]", weight=weight, x=x, bias=bias[0])
        return Told(text, claim, weight=weight, x=x)

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight = shapes.operands[:2]
        match self.operand_name(shapes.operand):
            case "weight":
                claim = "upstream[1] == result[0] and x[1] == result[1]"
                return Told("=  {upstream} over {x}", claim, upstream=shapes.upstream, x=x)
            case "bias":
                return f"=  sum of {shapes.upstream} over samples and places"
        claim = "upstream[0] == result[0] and weight[1] == result[1]"
        return Told("=  {upstream} back through {weight}", claim, upstream=shapes.upstream, weight=weight)

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight, *bias = code.operands
        rule = f"convolved({x}, {weight}, {self.stride}, {self.padding})"
        ones = ", 1" * (len(code.output_shape) - 2)
        return [f"{code.output} = {rule}" + (f" + {bias[0]}.reshape(1, -1{ones})" if bias else "")]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight = code.operands[:2]
        step = f"{self.stride}, {self.padding}"
        match self.operand_name(code.operand):
            case "weight":
                return [f"{code.result} = back_to_filters({code.upstream}, {x}, {weight}, {step})"]
            case "bias":
                signals, samples = f"{code.upstream}.reshape(len({x}), -1)", f"np.ones(len({x}), {x}.dtype)"
                total = f"({samples} @ {signals}).reshape(len({weight}), -1)"
                total_name = code.kept("total")
                return [
                    f"{total_name} = {total}",
                    f"{code.result} = {total_name} @ np.ones({total_name}.shape[1], {x}.dtype)",
                ]
        return [f"{code.result} = back_to_input({code.upstream}, {x}, {weight}, {step})"]
