"""Learning-rate schedules: the rate of each iteration, as a function of its number alone, so that stepping, training
and replay agree. Each has a closed form; PyTorch's schedulers, stepped once an iteration, give the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from visualbp.core.arrays import Array
from visualbp.core.options import Choice, EntryOption, FloatOption, IntOption, Option
from visualbp.core.pytorch_code import ExportError
from visualbp.core.registry import Registry
from visualbp.operations.base import IterationContext
from visualbp.operations.symbols import has_letter, letters_text
from visualbp.operations.terms import Draft, Factor, constant
from visualbp.optimizers.terms import Labelled, sum_of

MOST_ITERATIONS = 1_000_000_000
WARM_UP = IntOption("warm_up", 0, "iterations in which the rate rises to its full size first", "Warm-up", 0, 1_000_000)


class Schedule:
    """A schedule with the options of its entry."""

    type_name: ClassVar[str] = ""
    label: ClassVar[str] = ""
    description: ClassVar[str] = ""
    options: ClassVar[tuple[Option, ...]] = ()
    formula: ClassVar[str] = ""
    """The rate in LaTeX; eta_0 is the optimiser's own, t the number of the iteration after the warm-up, from 0."""
    letters: ClassVar[Mapping[str, str]] = {}
    """Letters of the formula, and the options that they stand for."""
    pytorch: ClassVar[str] = ""
    """The rate in Python, of `{rate}`, the optimiser's own, `t`, and options by their names."""

    def __init__(self, option_values: Mapping[str, Any]) -> None:
        self.option_values = option_values

    def rate(self, learning_rate: float, iteration: int) -> float:
        """Return the rate in iteration `iteration`, which counts from 0."""
        warm_up = int(self.option_values.get("warm_up", 0))
        if iteration < warm_up:
            return learning_rate * (iteration + 1) / (warm_up + 1)
        return self.rate_after_warm_up(learning_rate, iteration - warm_up)

    def rate_after_warm_up(self, learning_rate: float, t: int) -> float:
        """Return the rate in iteration `t` after the warm-up, from 0; `learning_rate` is the optimiser's own."""
        raise TypeError(f"{self.type_name} has no rule")

    def products_after_warm_up(self, initial: Factor, t: int) -> list[Labelled]:
        """Return the products that add up to the rate; `initial` is the optimiser's own."""
        rate = self.rate_after_warm_up(initial.number, t)
        share = rate / initial.number if initial.number else 0.0
        if share == 1.0:
            return [((initial,), "")]
        return [((initial, constant(share, "c", f"{self.label} at {t:,}")), "")]

    def terms(self, learning_rate: float, iteration: int) -> Draft:
        """Return where the rate in iteration `iteration` came from."""
        initial = constant(learning_rate, r"\eta_0", "the learning rate of the optimiser")
        warm_up = int(self.option_values.get("warm_up", 0))
        if iteration < warm_up:
            symbol = rf"\frac{{{iteration + 1}}}{{{warm_up + 1}}}"
            words = f"iteration {iteration + 1} of a rise over {warm_up}"
            share = constant((iteration + 1) / (warm_up + 1), symbol, words)
            rule = "the learning rate of the optimiser, to which the warm-up is still rising"
            return replace(sum_of([((initial, share), "rising")], rule), note=words)
        t = iteration - warm_up
        products = self.products_after_warm_up(initial, t)
        after = f"{t:,} iterations after the warm-up: " if warm_up else f"at iteration {t:,}: "
        last = products[-1][0][-1]
        words = last.meaning if last is not initial else "the learning rate of the optimiser"
        return replace(sum_of(products, f"set by the schedule ({self.label.lower()})"), note=after + words)

    def numpy_after_warm_up(self, rate: float, t: str) -> str:
        """Return the expression of the rate after the warm-up."""
        raise TypeError(f"{self.type_name} does not write its rate in Python")

    def numpy_rate(self, rate: float, iteration: str) -> str:
        """Return the rate of an iteration as an expression of Python; `rate` is the optimiser's own."""
        warm_up = int(self.option_values.get("warm_up", 0))
        if not warm_up:
            return self.numpy_after_warm_up(rate, iteration)
        rising = f"{rate!r} * ({iteration} + 1) / {warm_up + 1}"
        after = self.numpy_after_warm_up(rate, f"({iteration} - {warm_up})")
        return f"{rising} if {iteration} < {warm_up} else {after}"

    def equation(self, symbol: str) -> str:
        """Return the rate of an iteration in LaTeX; `symbol` is the rate's."""
        warm_up = self.option_values.get("warm_up", 0)
        rise = rf"\eta_0 \, \frac{{i + 1}}{{{warm_up + 1}}} \text{{ if }} i < {warm_up} \text{{ else }} "
        said: dict[str, float | str] = {name: self.option_values[option] for name, option in self.letters.items()}
        if has_letter(self.formula, "t"):
            said["t"] = f"i - {warm_up}" if warm_up else "i"
        if "t" in said or warm_up:
            said["i"] = r"\text{number of this iteration}"
        return rf"{symbol} \leftarrow {rise if warm_up else ''}{self.formula}{letters_text(said)}"

    def to_pytorch(self, learning_rate: float) -> str:
        """Return the function `learning_rate` of a program, or nothing where the rate stays. Raises ExportError."""
        if not self.pytorch:
            raise ExportError(f"the schedule {self.type_name} has no form in PyTorch")
        options = {name: repr(value) for name, value in self.option_values.items()}
        rule, warm_up = self.pytorch.format(rate=repr(learning_rate), **options), int(options.get("warm_up", 0))
        lines = [
            "def learning_rate(iteration: int) -> float:",
            f'    """The rate of an iteration, counted from 0. {self.description}"""',
        ]
        if warm_up:
            lines.append(f"    if iteration < {warm_up}:")
            lines.append(f"        return {learning_rate!r} * (iteration + 1) / {warm_up + 1}")
        if has_letter(self.formula, "t"):
            lines.append(f"    t = iteration - {warm_up}" if warm_up else "    t = iteration")
        return "\n".join([*lines, f"    return {rule}"])


class Constant(Schedule):
    """learning_rate in every iteration."""

    type_name, label = "constant", "Constant"
    description = "The same rate all the time."
    formula = r"\eta_0"

    def rate_after_warm_up(self, learning_rate: float, t: int) -> float:
        return learning_rate

    def to_pytorch(self, learning_rate: float) -> str:
        return ""

    def numpy_after_warm_up(self, rate: float, t: str) -> str:
        return repr(rate)


class StepDecay(Schedule):
    """learning_rate * factor^floor(t / every), as PyTorch's StepLR."""

    type_name, label = "step", "Steps"
    description = "The rate is cut by a factor every so many iterations."
    options = (
        IntOption("every", 1000, "iterations between two cuts", maximum=MOST_ITERATIONS),
        FloatOption("factor", 0.1, "what each cut multiplies the rate by", minimum=0.0, maximum=1.0),
        WARM_UP,
    )
    formula = r"\eta_0 \, \gamma^{\left\lfloor t / k \right\rfloor}"
    letters: ClassVar = {r"\gamma": "factor", "k": "every"}
    pytorch = "{rate} * {factor} ** (t // {every})"

    def rate_after_warm_up(self, learning_rate: float, t: int) -> float:
        return float(learning_rate * self.option_values["factor"] ** (t // self.option_values["every"]))

    def products_after_warm_up(self, initial: Factor, t: int) -> list[Labelled]:
        options = self.option_values
        cuts, factor = t // options["every"], options["factor"]
        every = f"{options['every']:,} iterations" if options["every"] > 1 else "iteration"
        words = f"{cuts:,} cut{'' if cuts == 1 else 's'} by the factor {factor:g}, one every {every}"
        return [((initial, constant(factor**cuts, rf"\gamma^{{{cuts}}}", words)), "")]

    def numpy_after_warm_up(self, rate: float, t: str) -> str:
        return f"{rate!r} * {self.option_values['factor']!r} ** ({t} // {self.option_values['every']})"


class Exponential(Schedule):
    """learning_rate * factor^t, as PyTorch's ExponentialLR."""

    type_name, label = "exponential", "Exponential"
    description = "The rate shrinks by the same factor in every iteration."
    options = (
        FloatOption("factor", 0.999, "what each iteration multiplies the rate by", minimum=0.0, maximum=1.0),
        WARM_UP,
    )
    formula = r"\eta_0 \, \gamma^{t}"
    letters: ClassVar = {r"\gamma": "factor"}
    pytorch = "{rate} * {factor} ** t"

    def rate_after_warm_up(self, learning_rate: float, t: int) -> float:
        return float(learning_rate * self.option_values["factor"] ** t)

    def products_after_warm_up(self, initial: Factor, t: int) -> list[Labelled]:
        factor = self.option_values["factor"]
        words = f"the factor {factor:g}, to the power of {t:,}"
        return [((initial, constant(factor**t, rf"\gamma^{{{t}}}", words)), "")]

    def numpy_after_warm_up(self, rate: float, t: str) -> str:
        return f"{rate!r} * {self.option_values['factor']!r} ** {t}"


class Cosine(Schedule):
    """Half a cosine from learning_rate to the lowest rate, which then stays: PyTorch's CosineAnnealingLR up to its
    T_max. Source: Loshchilov, Hutter 2017."""

    type_name, label = "cosine", "Cosine"
    description = "The rate goes down along half a cosine, and stays at its lowest."
    options = (
        IntOption("iterations", 1000, "how many iterations the way down takes", maximum=MOST_ITERATIONS),
        FloatOption("lowest", 0.0, "the rate at the end", minimum=0.0, maximum=1e6),
        WARM_UP,
    )
    formula = r"\eta_T + \frac{\eta_0 - \eta_T}{2} \left(1 + \cos\left(\frac{\pi \min(t, T)}{T}\right)\right)"
    letters: ClassVar = {r"\eta_T": "lowest", "T": "iterations"}
    pytorch = "{lowest} + ({rate} - {lowest}) * (1 + math.cos(math.pi * min(t / {iterations}, 1.0))) / 2"

    def rate_after_warm_up(self, learning_rate: float, t: int) -> float:
        lowest, share = self.option_values["lowest"], min(t / self.option_values["iterations"], 1.0)
        return float(lowest + (learning_rate - lowest) * (1.0 + math.cos(math.pi * share)) / 2.0)

    def products_after_warm_up(self, initial: Factor, t: int) -> list[Labelled]:
        lowest, done = self.option_values["lowest"], min(t / self.option_values["iterations"], 1.0)
        end = constant(lowest, r"\eta_T", "the rate at the end")
        range_ = constant(initial.number - lowest, r"\left(\eta_0 - \eta_T\right)", "how far it goes down")
        symbol = r"\frac{1}{2} \left(1 + \cos \frac{\pi t}{T}\right)"
        left = (1.0 + math.cos(math.pi * done)) / 2.0
        factor = constant(left, symbol, f"what is left of the way down after {done:.0%} of it")
        return [((end,), "lowest"), ((range_, factor), "above it")]

    def numpy_after_warm_up(self, rate: float, t: str) -> str:
        lowest, iterations = self.option_values["lowest"], self.option_values["iterations"]
        share = f"min({t} / {iterations}, 1.0)"
        return f"{lowest!r} + ({rate!r} - {lowest!r}) * (1.0 + math.cos(math.pi * {share})) / 2.0"


class WarmUp(Schedule):
    """learning_rate * (t + 1) / (warm_up + 1) and then learning_rate: PyTorch's LinearLR that starts at
    1 / (warm_up + 1). Source: Goyal and others 2017."""

    type_name, label = "warm_up", "Warm-up"
    description = "The rate rises evenly over the first iterations, and then stays."
    options = (IntOption("warm_up", 100, WARM_UP.description, WARM_UP.label, 1, 1_000_000),)
    formula = r"\eta_0"
    pytorch = "{rate}"

    def rate_after_warm_up(self, learning_rate: float, t: int) -> float:
        return learning_rate

    def numpy_after_warm_up(self, rate: float, t: str) -> str:
        return repr(rate)


schedules: Registry[type[Schedule]] = Registry("schedule")
for _entry in (Constant, StepDecay, Exponential, Cosine, WarmUp):
    schedules.register(_entry)

CONSTANT = Choice("constant", {})
SCHEDULE = EntryOption("schedule", "constant", "how the learning rate changes over the iterations", "", schedules)
"""`training.schedule` of a file."""


def make_schedule(choice: Choice) -> Schedule:
    """Return the chosen schedule with its options."""
    return schedules.get(choice.type)(choice.options)


def set_rate(context: IterationContext, schedule: Schedule, learning_rate: float, rate: Array) -> None:
    """Set the 0-d array `rate` to the rate of this iteration."""
    rate[...] = schedule.rate(learning_rate, context.iteration)
