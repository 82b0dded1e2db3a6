"""The engine: a network compiled to an ordered plan of operations, and the state that the plan moves on."""

from visualbp.engine.compiler import compile_plan
from visualbp.engine.executor import Executor
from visualbp.engine.plan import Phase, Plan, PlanError, Step

__all__ = ["Executor", "Phase", "Plan", "PlanError", "Step", "compile_plan"]
