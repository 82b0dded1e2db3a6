"""Sentences turned into others that are not so: each must be noticed by whoever holds it against the arrays."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.sentence_reader import FalseSentenceError, Taken, check_sentence
from visualbp.engine.notation import step_sentence
from visualbp.engine.notation_sentences import words_of

_OPPOSITES = """
winner loser; unchanged doubled; row column; largest smallest; mean sum; sum product; later earlier; before
after; keys values; queries keys; input hidden; hidden input; adds drops; adds multiplies; multiplies adds;
through past; back forward; forward back; minus plus; prediction target; target prediction; samples features;
batch position; same other; evenly unevenly; alone too; open closed; elsewhere everywhere; along across; across
along; direction gain; gain direction; length direction; slope value; kept dropped; deviation variance; unit
channel; channel unit; position sample; sample position; each every; steps layers; against along; cut raised;
longer shorter; scaled added; down up; up down; weights biases; towards from; lays cuts; laid cut; one no; some
all; drops keeps; others same; parts copies; this another; again elsewhere; state input; place window; looked
added; class sample; pair row; follows precedes; query value; key query; attends listens; attended listened;
gathers scatters; root square; width height; over under; times over; out in; slides holds; filters biases;
compares multiplies; applies drops; first last; takes gives; puts takes; together apart; apart together;
computes guesses; moves keeps; sets doubles; shifts scales; scales shifts; hat bar; paths layers; time space;
begins ends; summed averaged; summed multiplied; activations weights; gradient value; error input; signal
gradient; beyond below; single second; part whole; less plus; moves fixes; shares splits; other same; factors
terms; W b; b W; z x; targets samples; running fixed; statistics weights; penalty reward; minimised maximised;
pulls pushes; learning sleeping; iteration epoch; schedule optimiser; window image; element sample; side end;
mask weight; Jacobian gradient; output input; Softmax Tanh; Tanh ReLU; ReLU Sigmoid; Sigmoid Tanh; GELU SiLU;
SiLU GELU; ELU SELU; SELU ELU; Linear ReLU; Custom Linear; Softplus ReLU
"""
OPPOSITES: tuple[tuple[str, str], ...] = tuple(
    (pair.split()[0], pair.split()[1]) for pair in _OPPOSITES.replace("\n", " ").split(";") if pair.strip()
)
_OPPOSITES_OF: dict[str, list[str]] = {}
for _word, _other in OPPOSITES:
    _OPPOSITES_OF.setdefault(_word, []).append(_other)


def _layer_names(taken: Taken) -> list[str]:
    return sorted(taken.plan.layers, key=len, reverse=True)


def _outside_names(taken: Taken, sentence: str) -> Iterator[tuple[int, int]]:
    """Yield the stretches of a sentence that are no layer's name."""
    start = 0
    pattern = "|".join(re.escape(name) for name in _layer_names(taken))
    for found in re.finditer(rf"\b(?:{pattern})\b", sentence):
        yield start, found.start()
        start = found.end()
    yield start, len(sentence)


def mutations(taken: Taken, sentence: str) -> Iterator[tuple[str, str]]:
    """Yield what was exchanged in a sentence, and the sentence after it: one place at a time."""
    for start, end in _outside_names(taken, sentence):
        for found in re.finditer(r"\w+", sentence[start:end]):
            for other in _OPPOSITES_OF.get(found.group(), ()):
                changed = sentence[: start + found.start()] + other + sentence[start + found.end() :]
                yield f"{found.group()} -> {other}", changed
        for found in re.finditer(r"\b\d+\b", sentence[start:end]):
            other = str(int(found.group()) + 1)
            yield "another number", sentence[: start + found.start()] + other + sentence[start + found.end() :]
    for name in _layer_names(taken):
        for found in re.finditer(rf"\b{re.escape(name)}\b", sentence):
            other = next((layer for layer in taken.plan.layers if layer != name), "")
            yield "another layer", sentence[: found.start()] + other + sentence[found.end() :]
    phrases = {words_of(taken.plan, value) for value in (*taken.step.reads, *taken.step.writes)}
    everything = {words_of(taken.plan, value) for value in taken.before}
    for phrase in sorted(phrases, key=len, reverse=True):
        for form in (phrase, phrase[0].upper() + phrase[1:]):
            for found in re.finditer(rf"(?<!of ){re.escape(form)}(?! \w+ at time)", sentence):
                for other in sorted(everything - {phrase})[:4]:
                    other = other[0].upper() + other[1:] if form[0].isupper() else other
                    yield "another operand", sentence[: found.start()] + other + sentence[found.end() :]


def survivors(taken: Taken) -> tuple[int, list[tuple[str, str]]]:
    """Return how many false sentences were told about a step, and those that nobody noticed."""
    sentence = step_sentence(taken.plan, taken.step)
    told, unnoticed = 0, []
    for name, changed in mutations(taken, sentence):
        if changed == sentence:
            continue
        told += 1
        try:
            check_sentence(taken, changed)
        except FalseSentenceError:
            continue
        unnoticed.append((name, f"{sentence}\n      -> {changed}"))
    return told, unnoticed
