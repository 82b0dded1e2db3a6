"""What the normalisations say of themselves: in sentences, in shapes, and in NumPy."""

from __future__ import annotations

from visualbp.operations.normalization.terms import BatchNormTerms, LayerNormTerms, NormalizationTerms
from visualbp.operations.numpy_code import NumpyCode
from visualbp.operations.words import ShapeTexts, Words

CHANNEL_SUMS = '''\
def channel_sums(values):
    """The sum of each channel over samples and places: products with ones, whose rounding is the engine's."""
    samples, channels = values.shape[:2]
    values = values.reshape(samples * channels, -1)
    if values.shape[1] > 1:
        values = values @ np.ones(values.shape[1], values.dtype)
    return np.ones(samples, values.dtype) @ values.reshape(samples, channels)'''

ROW_SUMS = '''\
def row_sums(values):
    """The sum of each row: a product with ones, whose rounding is the engine's."""
    return (values @ np.ones(values.shape[1], values.dtype)).reshape(-1, 1)'''

COLUMN_SUMS = '''\
def column_sums(values):
    """The sum of each column: a product with ones, whose rounding is the engine's."""
    return np.ones(len(values), values.dtype) @ values'''


class Normalization(NormalizationTerms):
    """What both have in common. `sums` and `parameter_sums` write the sums over a group, and over all that a parameter
    meets, in NumPy; `parameter` writes a parameter so that it goes with values as they are laid out."""

    def sums(self, code: NumpyCode, values: str) -> str:
        raise TypeError(f"{self.name} has no sums")

    def parameter_sums(self, values: str, parameter: str) -> str:
        raise TypeError(f"{self.name} has no sums")

    def laid_out(self, code: NumpyCode, values: str) -> str:
        """Return values as the sums take them."""
        return values

    def parameter(self, code: NumpyCode, name: str) -> str:
        raise TypeError(f"{self.name} has no parameters")

    def count(self, code: NumpyCode) -> str:
        """Return how many numbers share a mean."""
        raise TypeError(f"{self.name} has no groups")

    def each(self, axes: int) -> str:
        """Return what is brought to mean 0, for samples of so many axes: `each channel`."""
        raise TypeError(f"{self.name} has no groups")

    def vjp_sentence(self, words: Words) -> str:
        match self.operand_name(words.operand):
            case "weight":
                return f"times x hat, summed over all that it scales, is {words.result}"
            case "bias":
                return f", summed over all that it shifts, is {words.result}"
        return f"goes back to {words.source}, less what moves the mean and the deviation {self._sharers(words)}"

    def _sharers(self, words: Words) -> str:
        return f"of {self.each(words.axes)}"

    def shapes_text(self, shapes: ShapeTexts) -> str:
        x, weight, bias = shapes.operands[:3]
        return f"=  {weight} * {x} + {bias}"

    def vjp_shapes_text(self, shapes: ShapeTexts) -> str:
        match self.operand_name(shapes.operand):
            case "weight":
                return f"=  sum of {shapes.upstream} * {shapes.operands[0]}"
            case "bias":
                return f"=  sum of {shapes.upstream}"
        return super().vjp_shapes_text(shapes)

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight, bias = code.operands[:3]
        count, mean, variance = code.kept("count"), code.kept("mean"), code.kept("variance")
        inverse, x_hat = code.kept("inverse"), code.kept("x_hat")
        return [
            f"{count} = {self.count(code)}",
            f"{mean} = {self.sums(code, self.laid_out(code, x))} * (1.0 / {count})",
            f"{x_hat} = {self.laid_out(code, x)} - {mean}",
            f"{variance} = {self.sums(code, f'{x_hat} * {x_hat}')} * (1.0 / {count})",
            f"{inverse} = 1.0 / np.sqrt({variance} + {self.epsilon!r})",
            f"{x_hat} = {x_hat} * {inverse}",
            f"{code.output} = ({x_hat} * {self.parameter(code, weight)} + {self.parameter(code, bias)})"
            f".reshape({x}.shape)",
        ]

    def vjp_numpy_lines(self, code: NumpyCode) -> list[str]:
        x, weight = code.operands[:2]
        count, inverse, x_hat = code.kept("count"), code.kept("inverse"), code.kept("x_hat")
        delta = self.laid_out(code, code.upstream)
        match self.operand_name(code.operand):
            case "weight":
                return [f"{code.result} = {self.parameter_sums(f'{delta} * {x_hat}', weight)}"]
            case "bias":
                return [f"{code.result} = {self.parameter_sums(delta, weight)}"]
        slope, g, mean, along = inverse, code.kept("g"), code.kept("mean_of_g"), code.kept("along")
        own = self.parameter(code, weight)
        lines = [f"{g} = {delta} * {own}"]
        if not self.weight_varies_in_group:
            slope = code.kept("slope")
            lines = [f"{slope} = {inverse} * {own}", f"{g} = {delta}"]
        return [
            *lines,
            f"{mean} = {self.sums(code, g)} * (1.0 / {count})",
            f"{along} = {self.sums(code, f'{g} * {x_hat}')} * (1.0 / {count})",
            f"{code.result} = (({g} - {x_hat} * {along} - {mean}) * {slope}).reshape({x}.shape)",
        ]


class BatchNorm(Normalization, BatchNormTerms):
    """Batch norm."""

    numpy_helpers = (CHANNEL_SUMS,)

    def words_of_group(self, axes: int, is_whole_sample: bool) -> str:
        kind = {2: "unit", 3: "position", 4: "channel"}.get(axes, "entry")
        return f"its {kind} over the batch"

    def each(self, axes: int) -> str:
        return {1: "each unit", 2: "each position", 3: "each channel"}.get(axes, "each entry")

    def sentence(self, words: Words) -> str:
        return (
            f"{words.layer} brings {self.each(words.axes)} of {words.sources[0]} to mean 0 and deviation 1 over the"
            " batch, times W plus b; the running statistics follow."
        )

    def _sharers(self, words: Words) -> str:
        return "that the batch shares"

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    @staticmethod
    def _has_places(code: NumpyCode) -> bool:
        return len(code.shapes[0]) > 2

    def laid_out(self, code: NumpyCode, values: str) -> str:
        return f"{values}.reshape(len({values}), {code.shapes[0][1]}, -1)" if self._has_places(code) else values

    def sums(self, code: NumpyCode, values: str) -> str:
        return f"channel_sums({values})" + ("[:, None]" if self._has_places(code) else "")

    def parameter_sums(self, values: str, parameter: str) -> str:
        return f"channel_sums({values})"

    def parameter(self, code: NumpyCode, name: str) -> str:
        return f"{name}[:, None]" if self._has_places(code) else name

    def count(self, code: NumpyCode) -> str:
        return f"{code.operands[0]}.size // {code.shapes[0][1]}"

    def update_numpy_lines(self, code: NumpyCode) -> list[str]:
        count, kept, lines = code.kept("count"), 1.0 - self.momentum, []
        shares = repr(self.momentum), f"({self.momentum!r} * ({count} / ({count} - 1)))"
        for buffer, name, share in zip(code.updates, ("mean", "variance"), shares, strict=True):
            lines.append(f"{buffer} = {buffer} * {kept!r} + {code.kept(name)}.reshape(-1) * {share}")
        return lines


class LayerNorm(Normalization, LayerNormTerms):
    """Layer norm."""

    numpy_helpers = (ROW_SUMS, COLUMN_SUMS)

    def words_of_group(self, axes: int, is_whole_sample: bool) -> str:
        return "its sample" if is_whole_sample else "its position"

    def each(self, axes: int) -> str:
        return "each position" if axes == 2 else "each sample"

    def sentence(self, words: Words) -> str:
        each = f"{self.each(words.axes)} of {words.sources[0]}"
        return f"{words.layer} brings {each} to mean 0 and deviation 1, times W plus b."

    # -- in NumPy ----------------------------------------------------------------------------------------------------

    def laid_out(self, code: NumpyCode, values: str) -> str:
        return values if len(code.shapes[0]) == 2 else f"{values}.reshape(-1, {code.operands[1]}.size)"

    def sums(self, code: NumpyCode, values: str) -> str:
        return f"row_sums({values})"

    def parameter_sums(self, values: str, parameter: str) -> str:
        return f"column_sums({values}).reshape({parameter}.shape)"

    def parameter(self, code: NumpyCode, name: str) -> str:
        return name if len(code.shapes[1]) == 1 else f"{name}.reshape(-1)"

    def count(self, code: NumpyCode) -> str:
        return f"{code.operands[1]}.size"
