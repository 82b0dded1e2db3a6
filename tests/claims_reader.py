"""A reader of texts that stand beside what they claim: the words are held against the claim, and it against arrays.

It knows no operation: what words mean stands in `visualbp/operations/glossary.py` and in the operation's own glossary.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from tests.sentence_reader import FalseSentenceError, claim
from visualbp.operations.glossary import AXES, CHAIN_RULE, GLOSSARY, NOTHING_DONE, SMALL_WORDS
from visualbp.operations.words import Told

Names = Mapping[str, Any]
RESULTS = ("output", "result", "number")
_SIGNS: Mapping[type, str] = {
    ast.Add: "+",
    ast.Sub: "-",
    ast.Mult: "*",
    ast.Div: "/",
    ast.Pow: "**",
    ast.FloorDiv: "//",
}
_SILENT = {"astype", "T", "reshape", "ravel", "swapaxes", "shape"}
"""What a claim does with the layout of an array alone: no words need to say it."""


# -- what a claim says -------------------------------------------------------------------------------------------------


def spoken(code: ast.AST) -> Iterator[str]:
    """Yield the names, numbers and operators of a piece of a claim in their order; functions have brackets."""
    match code:
        case ast.BinOp(left, ast.MatMult(), right):
            yield from (*spoken(left), "*", *spoken(right), "sum()")
        case ast.BinOp(left, sign, right):
            yield from (*spoken(left), _SIGNS[type(sign)], *spoken(right))
        case ast.UnaryOp(ast.USub(), ast.Constant(1)):
            yield "-"
        case ast.UnaryOp(ast.USub(), operand):
            yield from ("-", *spoken(operand))
        case ast.Call(ast.Attribute(value, name), arguments) if not _is_numpy(value):
            yield from spoken(value)
            yield from () if name in _SILENT else (f"{name}()",)
        case ast.Call(ast.Attribute(_, "where"), [_, value, ast.Constant(0)]):  # elsewhere it is nothing
            yield from spoken(value)
        case ast.Call(ast.Attribute(_, "broadcast_to"), [value, _]):
            yield from spoken(value)
        case ast.Call(ast.Name("len")) | ast.Attribute(_, "shape"):
            return
        case ast.Call(function, arguments):
            yield f"{function.attr if isinstance(function, ast.Attribute) else function.id}()"  # type: ignore[attr-defined]
            yield from (word for part in arguments if not isinstance(part, ast.Constant) for word in spoken(part))
        case ast.Attribute(value, name):
            yield from (name,) if _is_numpy(value) else spoken(value)
        case ast.Subscript(value, _):
            yield from spoken(value)
        case ast.Name(name):
            yield name
        case ast.Constant(number):
            yield f"{number:g}"
        case _:
            raise FalseSentenceError(f"nobody can check a claim with {ast.unparse(code)}")


def _is_numpy(value: ast.AST) -> bool:
    return isinstance(value, ast.Name) and value.id == "np"


def parts_of(text: str) -> list[tuple[str, str, str]]:
    """Return the parts of a claim, which `and` joins: both sides, and the sign between them."""
    tree = ast.parse(text, mode="eval").body
    found = []
    for part in tree.values if isinstance(tree, ast.BoolOp) and isinstance(tree.op, ast.And) else [tree]:
        match part:
            case ast.Compare(left, [sign], [right]):
                found.append((ast.unparse(left), type(sign).__name__, ast.unparse(right)))
            case _:
                raise FalseSentenceError(f"a claim compares two sides: {ast.unparse(part)}")
    return found


# -- what words say ----------------------------------------------------------------------------------------------------


def meanings(own: Mapping[str, str], names: Iterable[str], code: str) -> dict[str, str]:
    """Return what phrases mean for an operation: everybody's words, those of its names and functions, and its own."""
    functions = {word.removesuffix("()"): word.removesuffix("()") for word in spoken(ast.parse(code, mode="eval").body)}
    plain = {name.replace("_", " "): name for name in names if name.isidentifier() and name != "at"}
    for phrase in own:
        claim(phrase not in GLOSSARY, f"{phrase!r} means {GLOSSARY.get(phrase)!r} to everybody")
    known = {name: name for name in functions if name.isidentifier()}
    common = {phrase: word for phrase, word in GLOSSARY.items() if word not in _OPERANDS or word in names}
    return {**dict.fromkeys(SMALL_WORDS, ""), **known, **plain, **common, **own}


_OPERANDS = {"x", "weight", "bias", "inputs"}


def words_of(text: str, known: Mapping[str, str]) -> Iterator[str]:
    """Yield what each phrase of a text means, the longest first; `{name}` as it is."""
    place = 0
    phrases = sorted(known, key=len, reverse=True)
    while place < len(text):
        if (found := re.compile(r"\{\w+\}|\d+(?:\.\d+)?(?![\w.])").match(text, place)) is not None:
            yield found.group()
            place = found.end()
            continue
        phrase = next((phrase for phrase in phrases if _stands(phrase, text, place)), None)
        if phrase is not None:
            yield known[phrase]
            place += len(phrase)
        elif text[place].isalnum():
            word = re.compile(r"[\w'-]+").match(text, place)
            raise FalseSentenceError(
                f"nobody can check {word and word.group()!r} in {text!r}: it is no word of operations/glossary.py,"
                " nor of the operation's glossary"
            )
        else:
            place += 1


def _stands(phrase: str, text: str, place: int) -> bool:
    end = place + len(phrase)
    inside = end < len(text) and text[end].isalnum() and phrase[-1].isalnum()
    return text[place:end].lower() == phrase.lower() and not inside


def _is_condition(meaning: str) -> bool:
    return bool(re.search(r"[<>]|[!=]=", meaning))


# -- both --------------------------------------------------------------------------------------------------------------


def check_told(told: Told, own: Mapping[str, str], names: Names, holds: Callable[[str, Any], None]) -> None:
    """Hold a text against its claim, and the claim against the arrays by their names. `holds` is given which number is
    claimed, `output`, `result` or `number`, and what it is to be."""
    everything = {**vars(builtins), "np": np, **told.values, **names}
    left, right, conditions = "", "", []
    for one, sign, other in parts_of(told.saying.claim):
        if one in RESULTS:
            claim(sign == "Eq" and not left, "one number is claimed, once")
            left, right = one, other
        else:
            conditions.append(f"{one} == {other}" if sign == "Eq" else f"({one}) {_COMPARED[sign]} ({other})")
    claim(bool(left), f"no number is claimed by {told.saying.claim!r}")
    claim(left not in _names(right), f"{left} is claimed to be itself")
    conditions += check_words(told.saying.text, right, own, names)
    for value in told.values:
        if value not in names:
            claim(any(value in _names(part) for part in conditions), f"nothing is claimed of {{{value}}}")
    for condition in conditions:
        claim(bool(np.all(eval(condition, everything))), f"not so: {condition}")
    with np.errstate(all="ignore"):
        holds(left, eval(right, everything))


def check_note(told: Told, own: Mapping[str, str], names: Names) -> None:
    """Hold a note against its claim: comparisons, of each value in it too, with `result` the number it is on."""
    everything = {**vars(builtins), "np": np, **told.values, **names}
    list(words_of(told.saying.text, meanings(own, names, "0")))
    for value in told.values:
        claim(value in _names(told.saying.claim), f"nothing is claimed of {{{value}}}")
    claim(bool(eval(told.saying.claim, everything)), f"not so: {told.saying.claim}")


_COMPARED = {"Lt": "<", "LtE": "<=", "Gt": ">", "GtE": ">=", "NotEq": "!="}


def _names(code: str) -> set[str]:
    """Return the names in code; not those whose shape alone counts."""
    code = re.sub(r"\b\w+\.shape\b|\blen\(\w+\)", "0", code)
    return {node.id for node in ast.walk(ast.parse(code, mode="eval")) if isinstance(node, ast.Name)}


def check_sentence_words(text: str, claimed: str, own: Mapping[str, str], names: Iterable[str]) -> None:
    """Hold the words of a sentence about a whole step against its claim; what it says of its place says no number."""
    text = re.sub(r"\{(layer|result|source)\}", "", text)
    _, _, code = claimed.partition(" == ")
    check_words(text, code, own, dict.fromkeys(names))


def check_words(text: str, code: str, own: Mapping[str, str], names: Names) -> list[str]:
    """Hold the words of a text against the code of its claim; return the comparisons that its words say."""
    claimed = list(spoken(ast.parse(code, mode="eval").body))
    further = {f"{{{value}}}" for value in re.findall(r"\{(\w+)\}", text) if value not in names}
    said = [word.strip("{}") for word in words_of(text, meanings(own, names, code)) if word not in further]
    conditions = [word for word in said if _is_condition(word)]
    pieces = [piece for word in said if not _is_condition(word) for piece in word.split()]
    functions = sorted(word.removesuffix("()") for word in claimed if word.endswith("()"))
    claimed = [word for word in claimed if not word.endswith("()")]
    if NOTHING_DONE in pieces or (len(claimed) == 1 and claimed[0].isidentifier() and not (functions or further)):
        claim(NOTHING_DONE in pieces, f"{text!r} does not say that nothing is done, as {code} claims")
        claim(len(claimed) == 1 and not functions, f"{text!r} says that nothing is done, where {code} is claimed")
    if CHAIN_RULE in pieces:
        claim("upstream" in claimed and "*" in claimed, f"{text!r} speaks of the chain rule, where {code} is claimed")
    told_functions = sorted(piece for piece in pieces if piece in functions or piece in _FUNCTIONS)
    told = [piece for piece in pieces if piece not in (NOTHING_DONE, CHAIN_RULE, *told_functions)]
    if conditions and len(claimed) == 1 and claimed[0].isdigit():
        told = told or claimed
    claim(told == claimed, f"{text!r} says {' '.join(told)!r}, where {code} is claimed")
    claim(told_functions == functions, f"{text!r} says {told_functions}, where {code} is claimed")
    return conditions


_FUNCTIONS = {word for word in GLOSSARY.values() if word.isalpha() and hasattr(np, word)}


# -- labels ------------------------------------------------------------------------------------------------------------


def check_label(label: str, own: Mapping[str, str], factors: Mapping[str, list[tuple[int, ...]]], names: Names) -> None:
    """Hold the label of a term against its factors: those of each operand, by their indices.

    A label says which element the term is about, `sample 2, unit 1`, or which operands are its factors: `bias`, or
    words of the operation's glossary.
    """
    if not label:
        return
    numbered = re.fullmatch(r"(?:[a-z ]+? \d+(?:, \d+)*(?:, (?=[a-z])|$))+", label)
    if numbered is None:
        if (meaning := own.get(label, label.replace(" ", "_"))) and _is_condition(meaning):
            claim(bool(eval(meaning, {"np": np}, dict(names))), f"{label!r} is not so: {meaning}")
            return
        wanted = set(meaning.split())
        claim(bool(wanted) and wanted <= set(names), f"nobody can check the label {label!r}")
        claim(wanted <= factors.keys(), f"the label {label!r} is of {meaning}, and its factors are {sorted(factors)}")
        return
    pairs = re.findall(r"([a-z ]+?) (\d+(?:, \d+)*)(?:, |$)", label)
    words = [own.get(word) or word for word, _ in pairs]
    for word in words:
        claim(word in AXES, f"nobody can check {word!r} in the label {label!r}")
    claim(words == sorted(words, key=AXES.index), f"the axes of {label!r} are in another order")
    numbers = [int(number) for number in re.findall(r"\d+", label)]
    indices = [index for found in factors.values() for index in found]
    fits = any(_is_within(numbers, index) for index in indices if words[0] != "sample" or numbers[0] == index[0])
    claim(fits, f"the label {label!r} is of no factor: they are at {indices}")


def _is_within(numbers: Iterable[int], index: Iterable[int]) -> bool:
    """Return whether numbers stand in an index in their order, others between them or not."""
    places = iter(index)
    return all(number in places for number in numbers)
