"""Expressions: what a text may say, what it means, how it is refused, and what its derivative is."""

from __future__ import annotations

import ast
import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visualbp.core.differentiation import derivative
from visualbp.core.expression_parser import ExpressionError, ExpressionOption, parse_expression
from visualbp.core.expressions import Apply, Expression, Number, X, evaluate, functions, in_order, latex, pieces
from visualbp.core.options import OptionError

POINTS = np.array([-3.0, -1.5, -0.25, 0.4, 1.0, 2.5])

# What Python itself makes of the same text, by NumPy's own functions: an oracle that shares no code with the parser.
PYTHON_NAMES = {
    **{
        name: getattr(np, name) for name in ("exp", "log", "sqrt", "tanh", "sinh", "cosh", "sin", "cos", "tan", "where")
    },
    **{"abs": np.abs, "sign": np.sign, "atan": np.arctan, "max": np.maximum, "min": np.minimum},
    **{"pi": math.pi, "e": math.e, "sigmoid": lambda x: 0.5 * (1.0 + np.tanh(x / 2.0))},
    **{"softplus": lambda x: np.log1p(np.exp(x)), "relu": lambda x: x * (x > 0)},
}

TEXTS = [
    "x", "-x", "+x", "3", "2.5e-1*x", ".5*x", "x - 1 - 2", "x / 2 / 4", "-x**2", "(-x)**2", "2**3**x", "2**-x", "x**-2",
    "x*sigmoid(x)", "max(x, 0.1*x)", "where(x > 0, x, exp(x) - 1)", "(x > -1)*(x <= 1)*x", "(x == 1) + 2*(x != 1)",
    "abs(x)*sqrt(x**2 + 1)", "tanh(x)**2 - atan(x)", "log(1 + exp(x))", "min(max(x, -1), 1)", "sin(pi*x)*cos(x/e)",
    "x**3/(1 + x**2)", "1 - 2*(x >= 0)", "softplus(x) - relu(x)", "--x", "2*-x", "(((x)))", "sinh(x)/cosh(x)",
    "tan(x)*sign(x)",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
def test_an_expression_means_what_python_means_by_it(text: str) -> None:
    expected = eval(text, {"__builtins__": {}}, {**PYTHON_NAMES, "x": POINTS})  # the texts are those above
    found = evaluate(parse_expression(text), POINTS)
    assert found.dtype == np.float64
    assert np.allclose(found, np.broadcast_to(np.asarray(expected, float), POINTS.shape), rtol=1e-13, equal_nan=True)


REFUSED = [
    ("", 0, "there is no expression"),
    ("   ", 0, "there is no expression"),
    ("2x", 1, "an operator is missing"),
    ("x^2", 1, "powers are written **"),
    ("y + 1", 0, "there is no name y; the variable is x"),
    ("x + tanhh(x)", 4, "did you mean tanh?"),
    ("foo(x)", 0, "there is no function foo"),
    ("tanh x", 0, "takes its argument in parentheses"),
    ("max(x)", 0, "max takes 2 arguments, not 1"),
    ("exp(x, 2)", 0, "exp takes 1 argument, not 2"),
    ("1 + max()", 4, "max takes 2 arguments, not 0"),
    ("(x + 1", 0, "this parenthesis is not closed"),
    ("x + 1)", 5, "this parenthesis was not opened"),
    ("x +", 3, "something is missing at the end"),
    ("x * / 2", 4, "is missing before '/'"),
    ("x, 1", 1, "a comma stands between the arguments"),
    ("-1 < x < 1", 7, "one comparison at a time"),
    ("x = 2", 2, "write == to compare"),
    ("x(2)", 1, "x is not a function"),
    ("__import__('os').system('ls')", 11, "has no meaning here"),
    ("x.real", 1, "has no meaning here"),
    ("[x for x in 'a']", 0, "parentheses are ( and )"),
    ("lambda", 0, "there is no name lambda"),
    ("1e999", 0, "this number is too large"),
    ("9**9**9", 1, "this is inf, not a finite number"),
    ("x + 1/0", 5, "this is inf, not a finite number"),
    ("x * sqrt(-1)", 4, "this is nan, not a finite number"),
    ("(" * 400 + "x" + ")" * 400, 40, "nested more than 40 deep"),
    ("-" * 500 + "x", 40, "nested more than 40 deep"),
    ("x**" * 300 + "x", 121, "nested more than 40 deep"),
    ("x" + "+x" * 300, 201, "at most 100 operations can be inside each other"),
    ("x" * 1001, 1000, "at most 1000 characters"),
    ("(x+x)*" * 150 + "x", None, "at most"),
]


@pytest.mark.parametrize(("text", "position", "words"), REFUSED)
def test_what_is_no_expression_is_refused_at_its_character_and_in_words(
    text: str, position: int | None, words: str
) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    if position is not None:
        assert caught.value.position == position
    line, caret = caught.value.pointer.split("\n")
    assert line == text and caret == " " * caught.value.position + "^"


LANGUAGE = ["x", "0123456789.eE+-*/()<>=!,", "exp", "log", "sqrt", "tanh", "max", "where", "abs", "pi"]
PARTS = st.one_of(st.sampled_from([*LANGUAGE, "x", "1", "(", ")", "**", "*", "+", "max("]), st.characters())


@given(st.one_of(st.text(max_size=200), st.lists(PARTS, max_size=60).map("".join)))
@settings(deadline=None, max_examples=400)
def test_any_text_is_an_expression_or_is_refused_and_nothing_else(text: str) -> None:
    try:
        expression = parse_expression(text)
    except ExpressionError as error:
        assert 0 <= error.position <= max(len(text), 1)
        return
    for one in (expression, derivative(expression)):
        assert evaluate(one, POINTS).shape == POINTS.shape
        assert all(part.function in functions for part in in_order(one) if isinstance(part, Apply))


@given(st.text(alphabet="x(1+*-/)", max_size=30))
@settings(deadline=None, max_examples=400)
def test_what_python_cannot_read_is_refused(text: str) -> None:
    try:
        parse_expression(text)
    except ExpressionError:
        return
    assert isinstance(ast.parse(text.strip(), mode="eval"), ast.Expression)


def expressions(smooth: bool) -> st.SearchStrategy[Expression]:
    """Return random trees. Smooth ones are defined everywhere."""
    leaves = st.one_of(st.just(X), st.sampled_from([0.5, -1.5, 2.0, 3.0]).map(Number))
    names = ["tanh", "sin", "cos", "sigmoid", "softplus", "atan", "negate"]
    if not smooth:
        names += ["exp", "log", "sqrt", "relu", "abs", "sign"]
    pairs = ["add", "subtract", "multiply"] + ([] if smooth else ["divide", "power", "max", "min", "greater"])

    def grown(children: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
        one = st.tuples(st.sampled_from(names), st.tuples(children))
        two = st.tuples(st.sampled_from(pairs), st.tuples(children, children))
        square = children.map(lambda child: Apply("power", (child, Number(2.0))))
        return st.one_of(square, st.one_of(one, two).map(lambda made: Apply(*made)))

    return st.recursive(leaves, grown, max_leaves=8)


@given(expressions(smooth=True))
@settings(deadline=None, max_examples=300)
def test_the_derivative_of_a_smooth_expression_is_its_central_difference(expression: Expression) -> None:
    x, step = np.linspace(-1.3, 1.4, 7), 1e-5
    ahead, behind = evaluate(expression, x + step), evaluate(expression, x - step)
    further = evaluate(expression, x + 2 * step) - evaluate(expression, x - 2 * step)
    numeric = (8.0 * (ahead - behind) - further) / (12.0 * step)  # of fourth order: its own error is round-off
    slope = evaluate(derivative(expression), x)
    size = 1.0 + np.abs(ahead) + np.abs(slope)
    assert np.all(np.abs(slope - numeric) <= 1e-8 * size + 1e-6 * np.abs(slope))


@given(expressions(smooth=False))
@settings(deadline=None, max_examples=300)
def test_where_no_corner_is_near_the_derivative_is_the_central_difference(expression: Expression) -> None:
    x, step = np.linspace(-1.37, 1.41, 9), 1e-6
    with np.errstate(all="ignore"):
        ahead, here, behind = (evaluate(expression, x + move) for move in (step, 0.0, -step))
        numeric, finer = (ahead - behind) / (2.0 * step), (ahead - here) / step
        slope = evaluate(derivative(expression), x)
        sides = [pieces(expression, x + move) for move in (step, -step)]
        same = np.full(x.shape, True) if sides[0] is None or sides[1] is None else sides[0] == sides[1]
        size = 1.0 + np.abs(here) + np.abs(numeric)
        sound = same & np.isfinite(size) & (size < 1e3) & (np.abs(numeric - finer) < 1e-3 * size) & np.isfinite(slope)
        assert np.all(np.abs(slope - numeric)[sound] <= 2e-3 * size[sound])


@pytest.mark.parametrize(
    ("text", "at_0"), [("max(x, 0)", 0.0), ("max(0, x)", 0.0), ("min(x, 0)", 0.0), ("relu(x)", 0.0), ("abs(x)", 0.0)]
)
def test_at_a_corner_the_flat_side_is_taken_as_relu_has_it(text: str, at_0: float) -> None:
    assert evaluate(derivative(parse_expression(text)), np.zeros(1)) == at_0


@pytest.mark.parametrize(
    ("text", "tidy"),
    [
        ("x**2", "2*x"),
        ("-x**2", "-(2*x)"),
        ("3*x + 1", "3"),
        ("max(x, 0)", "x > 0"),
        ("exp(-x**2/2)", "-(x*exp(-x**2/2))"),
        ("x**3 * x", "4*x**3"),
        ("x**-2", "-(2*x**(0-3))"),
        ("tanh(x)", "1 - tanh(x)**2"),
        ("1/3*x", "1/3"),
        ("sqrt(x)", "1/(2*sqrt(x))"),
        ("(x > 0)*x", "x > 0"),
    ],
)
def test_derivatives_are_tidy_enough_to_read(text: str, tidy: str) -> None:
    def shape(expression: Expression) -> int:
        return len(in_order(expression))

    found, wanted = derivative(parse_expression(text)), parse_expression(tidy)
    points = POINTS[POINTS > 0]
    assert np.allclose(evaluate(found, points), evaluate(wanted, points), rtol=1e-13)
    assert shape(found) <= shape(wanted)


def test_the_derivatives_of_the_largest_expressions_stay_small() -> None:
    texts = [
        "x" + "/(x+1)" * 48,
        "x" + "*tanh(x)" * 98,
        "sin(" * 39 + "x" + ")" * 39,
        "(x+1)**(x+2)" + "**(x+3)" * 30,
        "+".join(["max(x,0)*sigmoid(x)"] * 50),
    ]
    for text in texts:
        expression = parse_expression(text)
        slope = derivative(expression)
        assert evaluate(slope, POINTS).shape == POINTS.shape
        assert len(in_order(slope)) < 20 * len(in_order(expression))  # parts are shared: no growth of a higher order


def test_evaluation_says_nothing_on_standard_error_whatever_happens() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x = np.array([-1e300, -1.0, 0.0, 1e-320, 1.0, 1e300, np.inf, np.nan])
        for text in ("exp(x**2)", "log(x)", "1/x", "x**x", "sqrt(x)*sin(x)", "sigmoid(x)*x", "max(abs(x), sign(x))"):
            for one in (parse_expression(text), derivative(parse_expression(text))):
                assert evaluate(one, x).shape == x.shape
                assert (found := pieces(one, x)) is None or found.shape == x.shape


def test_saturated_functions_stay_finite() -> None:
    x = np.array([-1e300, -800.0, 800.0, 1e300])
    for text in ("sigmoid(x)", "tanh(x)", "softplus(-x)*0 + sigmoid(x)", "exp(-x**2)", "atan(x)"):
        for one in (parse_expression(text), derivative(parse_expression(text))):
            assert np.isfinite(evaluate(one, x)).all(), text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x**2 + 1", r"x^{2} + 1"),
        ("(x + 1)**2", r"\left(x + 1\right)^{2}"),
        ("x*(x - 1)/2", r"\frac{x \, \left(x - 1\right)}{2}"),
        ("-(x + 1)", r"-\left(x + 1\right)"),
        ("x - (1 - x)", r"x - \left(1 - x\right)"),
        ("exp(-x)", r"e^{-x}"),
        ("1e-7*x", r"1 \cdot 10^{-7} \, x"),
    ],
)
def test_latex_has_parentheses_where_they_are_needed(text: str, expected: str) -> None:
    assert latex(parse_expression(text)) == expected


def test_latex_puts_a_variable_with_an_index_in_parentheses_under_a_power() -> None:
    assert latex(parse_expression("x**2"), r"\mathbf{z}^{(1)}") == r"\left(\mathbf{z}^{(1)}\right)^{2}"


def test_latex_that_would_be_too_long_is_not_made() -> None:
    slope = derivative(parse_expression("x" + "/(x+1)" * 48))
    assert latex(slope, longest=5000) is None


def test_an_option_keeps_the_text_and_refuses_in_one_line() -> None:
    option = ExpressionOption("derivative", "", optional=True)
    assert option.parse("  1 - tanh(x)**2 ") == "1 - tanh(x)**2"
    assert option.parse("") == ""
    with pytest.raises(OptionError, match=r"^derivative: there is no name y; the variable is x \(at character 3\)$"):
        option.parse("2*y")
    with pytest.raises(OptionError, match="derivative must be a text"):
        option.parse(3)
    with pytest.raises(OptionError, match="expression: there is no expression"):
        ExpressionOption("expression").parse(" ")
