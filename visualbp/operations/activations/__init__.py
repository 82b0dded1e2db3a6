"""The activation functions, in the order in which people see them. A new one is an entry in a file, and named here."""

from visualbp.core.registry import Registry
from visualbp.operations.activations.custom import Custom
from visualbp.operations.activations.elementwise import (
    Elu,
    Gelu,
    LeakyRelu,
    Linear,
    Relu,
    Selu,
    Sigmoid,
    Silu,
    Softplus,
    Tanh,
)
from visualbp.operations.activations.gated import HardSwish, Mish
from visualbp.operations.activations.kinds import Activation
from visualbp.operations.activations.softmax import Softmax

activations: Registry[type[Activation]] = Registry("activation")
for _entry in (
    *(Linear, Relu, LeakyRelu, Elu, Selu, Gelu, Silu, Sigmoid, Tanh, Softplus, Softmax),
    *(Mish, HardSwish, Custom),
):
    activations.register(_entry)
