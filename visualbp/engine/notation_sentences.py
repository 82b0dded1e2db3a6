"""What each step of a plan does, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from visualbp.core.ref import Ref
from visualbp.engine.plan import Phase, Plan, Step
from visualbp.layers import Node
from visualbp.operations.activations import Activation, Elementwise
from visualbp.operations.base import Operation
from visualbp.operations.combination import Add, Concatenate, Flatten, Multiply
from visualbp.operations.convolution import Convolution
from visualbp.operations.dropout import Dropout
from visualbp.operations.embedding import Embedding
from visualbp.operations.losses import BinaryCrossEntropyWithLogits, Loss, SoftmaxCrossEntropy
from visualbp.operations.normalization import BatchNorm, LayerNorm, Normalization
from visualbp.operations.pooling import AveragePooling, MaxPooling, Pooling
from visualbp.operations.weight_norm import WeightNorm
from visualbp.operations.words import Words
from visualbp.optimizers.base import make_optimizer
from visualbp.optimizers.schedules import make_schedule

KEPT = ", kept for the way back"
_ROLES = {"h": "activations", "x": "input", "masked": "masked scores"}


SHARE = "this path's share of "


def is_share(plan: Plan, value: Ref) -> bool:
    """Return whether a name means what comes back on one path alone, of several that are added up.

    So does the delta of an `activation` layer whose input goes elsewhere too: it is dL/dz as far as z acts through
    this layer.
    """
    part = plan.resolve(value)
    return part.sender is not None and value.sender is None and not part.is_from_own_time_step


def state_time(plan: Plan, node: Node, operand: int) -> int | None:
    """Return the time step after which an operand is the state of the node's layer, its h; None if it is none."""
    value = plan.resolve(node.operands[operand])
    is_state = value.time is not None and value == plan.resolve(Ref(node.layer, "h", value.time))
    return value.time if is_state else None


def words_of(plan: Plan, value: Ref) -> str:
    """Return a value in words: `hidden's z`, `the error signal of output`."""
    value = plan.resolve(value)
    layer, role = value.layer, value.role
    when = "" if value.time is None else f" at time step {value.time}"
    if value == plan.input:
        return f"{layer}'s samples"
    if value.is_delta:
        return f"the error signal of {layer}{when}"
    if value.is_gradient and role == "h" and value.time is None:
        return f"the gradient of {layer}'s activations"
    if value.is_gradient:
        return f"the gradient of {words_of(plan, value.of)}"
    if value.time is not None or role in _ROLES:
        return f"{layer}'s {_ROLES.get(role, role)}{when}"
    kind, _, which = role.partition("_")
    name = {"weight": "W", "bias": "b"}.get(kind, kind)
    return f"{layer}'s {name}" + (f" {which}" if which else "")


def _written_in_words(plan: Plan, value: Ref) -> str:
    """Return what a step writes in words; what comes back on one of several paths is a share."""
    on_one_path = value.sender is not None and not value.is_from_own_time_step
    return (SHARE if on_one_path else "") + words_of(plan, value)


def sentence_of(plan: Plan, step: Step) -> str:
    """Return one sentence that says what a step does."""
    training = plan.network.training
    target = step.writes[0] if step.writes else Ref("", "")
    words = _written_in_words(plan, target)
    match step.operation:
        case "load":
            return f"A batch of samples comes in at {target.layer}, and its targets go to {step.writes[1].layer}."
        case "accumulate":
            return f"{_opening(words)} is the sum of {_parts(step)}."
        case "gather":
            return f"{_opening(words)} is put together from its {len(step.reads)} time steps."
        case "penalty" if step.phase == Phase.FORWARD:
            return "The penalty on large weights is added to what is minimised."
        case "penalty":
            return f"The penalty adds its own part to {words}: it pulls the weights towards 0."
        case "clip":
            return _clip_sentence(plan)
        case "schedule":
            label = type(make_schedule(training.schedule)).label.lower()
            return f"The schedule ({label}) sets the learning rate of this iteration."
        case "update":
            return f"{type(make_optimizer(training.optimizer)).label} moves {words} against its gradient."
    if step.node is None:
        raise ValueError(f"no step is called {step.operation}")
    if step.phase == Phase.FORWARD:
        return _forward_sentence(plan, step.node)
    return _backward_sentence(plan, step, step.node)


def _opening(words: str) -> str:
    return words[0].upper() + words[1:]


def _parts(step: Step) -> str:
    """Return what a gradient is the sum of: paths, or, for weights that all time steps share, time steps."""
    if all(part.is_from_own_time_step for part in step.reads) and step.writes[0].time is None:
        return f"its parts from {len(step.reads)} time steps: backpropagation through time"
    return f"what comes back on {len(step.reads)} paths: the chain rule for several variables"


def _clip_sentence(plan: Plan) -> str:
    clip = plan.network.training.clip
    limit = f"{clip.limit:g}" if clip else ""
    if clip is not None and clip.by == "value":
        return f"Every single gradient beyond {limit} in size is cut to it."
    return f"If all gradients together are longer than {limit}, all are scaled down to that length."


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else "".join(words)


def _plain_name(node: Node) -> str:
    return node.operation.name.replace("_", " ")


def _role_in_words(plan: Plan, value: Ref) -> str:
    """Return what a value is for its own layer: `z`, `activations`, `z at time step 3`."""
    return words_of(plan, value).removeprefix(f"{value.layer}'s ")


def _group(plan: Plan, node: Node) -> str:
    """Return what a normalisation brings to mean 0: `each channel of`."""
    dimensions = len(plan.shapes[plan.resolve(node.operands[0])])
    if isinstance(node.operation, BatchNorm):
        return {1: "each unit", 2: "each position", 3: "each channel"}.get(dimensions, "each entry")
    return "each position" if dimensions == 2 else "each sample"


def _window(operation: Pooling) -> str:
    return f"{operation.kernel} x {operation.kernel} window"


# -- forward ---------------------------------------------------------------------------------------------------------


def _words(plan: Plan, node: Node, result: str, operand: int = -1) -> Words:
    operands = node.operands
    return Words(
        node.layer,
        [words_of(plan, value) for value in operands],
        [_role_in_words(plan, value) for value in operands],
        [plan.resolve(value) in plan.batched for value in operands],
        [state_time(plan, node, place) for place in range(len(operands))],
        words_of(plan, node.output),
        node.output.time,
        result,
        len(plan.shapes[plan.resolve(operands[0])]),
        operand,
    )


def _forward_sentence(plan: Plan, node: Node) -> str:
    if type(node.operation).sentence is not Operation.sentence:
        kept = KEPT if plan.resolve(node.output) in plan.read_on_the_way_back else ""
        return node.operation.sentence(_words(plan, node, f"that is its {_role_in_words(plan, node.output)}{kept}"))
    layer, sources = node.layer, [words_of(plan, value) for value in node.operands]
    kept = KEPT if plan.resolve(node.output) in plan.read_on_the_way_back else ""
    result = f"that is its {_role_in_words(plan, node.output)}{kept}"
    match node.operation:
        case Convolution():
            bias = " and adds b" if len(sources) > 2 else ""
            return f"{layer} slides its filters W over {sources[0]}{bias}: {result}."
        case Activation() as activation:
            return f"{layer} applies {activation.label} to {sources[0]}: {result}."
        case Loss() as loss:
            return f"{layer} compares {sources[0]} with the targets: the {type(loss).label.lower()} of the batch."
        case BatchNorm():
            return (
                f"{layer} brings {_group(plan, node)} of {sources[0]} to mean 0 and deviation 1 over the batch, times"
                " W plus b; the running statistics follow."
            )
        case LayerNorm():
            return f"{layer} brings {_group(plan, node)} of {sources[0]} to mean 0 and deviation 1, times W plus b."
        case WeightNorm():
            return f"{layer} makes its W from W direction, brought to length 1, times W gain."
        case MaxPooling() as pooling:
            return f"{layer} takes the largest number of each {_window(pooling)} of {sources[0]}."
        case AveragePooling() as pooling:
            return f"{layer} takes the mean of each {_window(pooling)} of {sources[0]}."
        case Embedding():
            return f"{layer} looks up the row of W for each class in {sources[0]}."
        case Add():
            return f"{layer} adds up {_listed(sources)}."
        case Multiply():
            return f"{layer} multiplies {_listed(sources)}, element by element."
        case Concatenate():
            return f"{layer} puts {_listed(sources)} side by side."
        case Flatten():
            return f"{layer} lays {sources[0]} out as one row for each sample."
        case Dropout():
            return f"{layer} drops some of {sources[0]} by the mask of this iteration, and scales the others up."
    given = [words for words, value in zip(sources, node.operands, strict=True) if value in plan.batched]
    return f"{layer} computes {words_of(plan, node.output)} from {_listed(given or sources)}, by {_plain_name(node)}."


# -- backward --------------------------------------------------------------------------------------------------------


def _backward_sentence(plan: Plan, step: Step, node: Node) -> str:
    operation, result = node.operation, _written_in_words(plan, step.writes[0])
    if isinstance(operation, Loss):
        simply = ""
        if isinstance(operation, SoftmaxCrossEntropy | BinaryCrossEntropyWithLogits):
            simply = ": prediction minus target"
        return f"The way back begins at {node.layer}: {result}{simply}."
    opening = _opening(words_of(plan, node.output.gradient))
    if type(operation).vjp_sentence is not Operation.vjp_sentence:
        what = operation.vjp_sentence(_words(plan, node, result, step.operand))
        return f"{opening}{'' if what.startswith(',') else ' '}{what}."
    value, name = words_of(plan, node.operands[step.operand]), operation.operand_name(step.operand)
    if plan.resolve(node.operands[step.operand]) in plan.batched:
        return f"{opening} {_to_value(plan, node, name, value, result)}."
    what = _to_parameter(plan, node, name, result)
    return f"{opening}{'' if what.startswith(',') else ' '}{what}."


def _to_parameter(plan: Plan, node: Node, name: str, result: str) -> str:
    """Return how a gradient becomes that of a parameter."""
    match node.operation:
        case Convolution() if name == "weight":
            return f"times what lay under the filters, summed over all places of the batch, is {result}"
        case Convolution():
            return f", summed over all places of the batch, is {result}"
        case Normalization() if name == "weight":
            return f"times x hat, summed over all that it scales, is {result}"
        case Normalization():
            return f", summed over all that it shifts, is {result}"
        case WeightNorm() if name == "gain":
            return f"along the direction is {result}"
        case WeightNorm():
            return f"across the direction, times gain over length, is {result}"
        case Embedding():
            return f"is added to the rows of W that were looked up: that is {result}"
    return f"goes back through {_plain_name(node)} to become {result}"


def _to_value(plan: Plan, node: Node, name: str, value: str, result: str) -> str:
    """Return how a gradient goes back to what a node read."""
    match node.operation:
        case Convolution():
            return f"goes back through {_role_in_words(plan, node.operands[1])} to {value}"
        case Elementwise() as activation:
            return f"times the slope of {activation.label} at {value} is {result}"
        case Activation() as activation:
            return f"goes back through the Jacobian of {activation.label} to {value}: every output depends on all"
        case BatchNorm():
            return f"goes back to {value}, less what moves the mean and the deviation that the batch shares"
        case LayerNorm():
            return f"goes back to {value}, less what moves the mean and the deviation of {_group(plan, node)}"
        case MaxPooling():
            return f"goes back to the winner of each window alone, in {value}"
        case AveragePooling():
            return f"is shared out evenly over each window of {value}"
        case Add():
            return f"goes back unchanged to {value}"
        case Multiply():
            return f"times the other factors goes back to {value}"
        case Concatenate():
            return f"is cut into parts; this one goes back to {value}"
        case Flatten():
            return f"is laid out as {value} again"
        case Dropout():
            return f"goes back through the same mask to {value}"
    return f"goes back through {_plain_name(node)} to {value}"
