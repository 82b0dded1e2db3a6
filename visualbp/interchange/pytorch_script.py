"""The parts of an exported program that train: batches, the loop, and the command line. What a network has no use for,
such as clipping, is not in its program."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from visualbp.engine.executor import SHUFFLE_STREAM
from visualbp.network import Clip

GENERATOR = '''\
def generator(stream: int, number: int) -> np.random.Generator:
    """The random numbers for one use (`stream`) in one epoch or iteration, keyed as in visualbp."""
    return np.random.Generator(np.random.Philox(key=SEED | stream << 64, counter=number << 64))'''

ORDER = f'''\
@lru_cache(maxsize=1)
def order_of(epoch: int) -> np.ndarray:
    """The order of the samples in an epoch."""
    return generator({SHUFFLE_STREAM:#x}, epoch).permutation(len(INPUTS))'''

SHUFFLED = '''\
def batch_indices(iteration: int) -> np.ndarray:
    """Which samples an iteration sees. The last batch of an epoch may be smaller."""
    epoch, batch = divmod(iteration, -(-len(INPUTS) // BATCH_SIZE))
    return order_of(epoch)[batch * BATCH_SIZE : (batch + 1) * BATCH_SIZE]'''

IN_ORDER = '''\
def batch_indices(iteration: int) -> np.ndarray:
    """Which samples an iteration sees. The last batch of an epoch may be smaller."""
    start = iteration % -(-len(INPUTS) // BATCH_SIZE) * BATCH_SIZE
    return np.arange(start, min(start + BATCH_SIZE, len(INPUTS)))'''

LOAD = '''\
def load_network() -> Network:
    """The network with the parameters of the model."""
    network = Network().to(DTYPE)
    network.load_state_dict({name: torch.tensor(array) for name, array in PARAMETERS.items()})
'''

UNPACKED = '''\
def unpacked(dtype: str, shape: tuple[int, ...], text: str) -> np.ndarray:
    """Numbers that were written as base64 of their bytes, compressed by zlib."""
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), dtype).reshape(shape)'''


@dataclass(frozen=True)
class Training:
    """What the training of a network has in it."""

    optimizer: str
    """The code of the optimiser; empty where no parameter is trained."""
    schedule: str
    """The function `learning_rate`; empty where the rate stays."""
    clip: Clip | None
    has_penalty: bool
    drawing: Sequence[str]
    """The classes of modules that draw random numbers."""
    frozen: Sequence[str]
    one_process_only: str
    """Why several processes would not compute what visualbp computes; empty where they do."""


def load_function(training: Training) -> str:
    """Return the function that makes the network with its parameters."""
    if not training.frozen:
        return LOAD + "    return network"
    frozen = "    for name in FROZEN:\n        network.get_parameter(name).requires_grad_(False)\n"
    return LOAD + frozen + "    return network"


def penalty_function(l1: float, l2: float) -> str:
    """Return the function of the penalty on the parameters that are called PENALISED."""
    parts = [f"{l1!r} * weight.abs().sum()"] if l1 else []
    parts += [f"{l2 / 2.0!r} * weight.square().sum()"] if l2 else []
    return f'''\
def penalty_of(network: Network) -> Tensor:
    """What the sizes of the weights add to the loss."""
    weights = [network.get_parameter(name) for name in PENALISED]
    return torch.stack([{" + ".join(parts)} for weight in weights]).sum()'''


def train_function(training: Training, target_type: str) -> str:
    """Return the generator that trains; without an optimiser it goes through the batches alone."""
    learns = bool(training.optimizer)
    lines = ["def train(network: Network, iterations: int, rank: int = 0, processes: int = 1) -> Iterator[float]:"]
    lines += _indented(
        '"""Train, and yield the loss of each iteration: the mean over its batch, before the update.',
        "",
        "Of several processes each takes its share of every batch. DistributedDataParallel averages the processes'",
        "gradients; for the gradient of the whole batch's mean, a share counts by its number of samples.",
        '"""',
    )
    body: list[str] = []
    if learns:
        body.append("model = DistributedDataParallel(network) if processes > 1 else network")
        body.append("trainable = [parameter for parameter in network.parameters() if parameter.requires_grad]")
        body.append(f"optimizer = {training.optimizer}")
    body.append("inputs = torch.tensor(INPUTS, dtype=DTYPE)")
    body.append(f"targets = torch.tensor(TARGETS, dtype={target_type})")
    body.append("for iteration in range(iterations):")
    loop = [
        "batch = batch_indices(iteration)",
        "places = np.arange(len(batch))[rank::processes]",
        "weight = len(places) / len(batch)",
        "if not weight:",
        "    places = np.zeros(1, int)  # nothing left for this process, but all have to take part",
    ]
    if training.drawing:
        loop.append("for module in network.modules():")
        loop.append(f"    if isinstance(module, {' | '.join(training.drawing)}):")
        loop.append("        module.prepare(iteration, len(batch), places)")
    loop.append("rows = torch.from_numpy(batch[places])")
    loop.append(f"prediction = {'model' if learns else 'network'}(inputs[rows])")
    loop.append("loss = weight * loss_of(prediction, targets[rows])")
    loop += _update(training) if learns else []
    loop.append("whole = loss.detach().clone()")
    loop.append("if processes > 1:")
    loop.append("    distributed.all_reduce(whole)")
    loop.append("yield whole.item()")
    return "\n".join([*lines, *_indented(*body, *_indented(*loop))])


def _update(training: Training) -> list[str]:
    penalty = " + penalty_of(network)" if training.has_penalty else ""
    lines = ["optimizer.zero_grad()", f"({'processes * loss'}{penalty}).backward()"]
    if training.clip is not None:
        lines.append(f"nn.utils.clip_grad_{training.clip.by}_(trainable, {training.clip.limit!r})")
    if training.schedule:
        lines.append("for group in optimizer.param_groups:")
        lines.append('    group["lr"] = learning_rate(iteration)')
    return [*lines, "optimizer.step()"]


def _indented(*lines: str) -> list[str]:
    return [f"    {line}" if line else "" for line in lines]


def one_process_only(reason: str) -> str:
    """Return the constant that says why several processes would not compute what visualbp computes."""
    *pieces, last = textwrap.wrap(f"{reason}; run this on one process", 100, break_on_hyphens=False)
    lines = "".join(f"    {piece!a}\n" for piece in [*(f"{piece} " for piece in pieces), last])
    return f"ONE_PROCESS_ONLY = (\n{lines})"


REFUSAL = """\
    if processes > 1:
        sys.exit(ONE_PROCESS_ONLY)
"""

MAIN = """\
def main() -> None:
    parser = argparse.ArgumentParser(description="Train the network, on one process or, under torchrun, on several.")
    parser.add_argument("--iterations", type=int, default=100, help="how many batches to train on (100)")
    parser.add_argument("--print-losses", action="store_true", help="print each iteration and its loss")
    parser.add_argument("--save", metavar="OUT.npz", help="write the trained parameters to this file")
    arguments = parser.parse_args()
    rank, processes = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
{refusal}    if processes > 1:
        distributed.init_process_group("gloo")
    network, loss = load_network(), math.nan
    for iteration, loss in enumerate(train(network, arguments.iterations, rank, processes)):
        if arguments.print_losses and rank == 0:
            print(iteration, loss, flush=True)
    if rank == 0 and not arguments.print_losses:
        print(f"loss {{loss:.6g}} in iteration {{arguments.iterations - 1}}")
    if rank == 0 and arguments.save:
        np.savez(arguments.save, **{{name: tensor.numpy() for name, tensor in network.state_dict().items()}})
    if processes > 1:
        distributed.destroy_process_group()
        gc.collect()  # with the last that knows of the group its threads end, while Python still runs"""


def main_function(training: Training) -> str:
    """Return the command line of the program."""
    return MAIN.format(refusal=REFUSAL if training.one_process_only else "")
