"""Looks for what is seldom in a JSON text, at the speed of C: each character is touched by a slice, `bytes.translate` or a
search for a substring, and not by a regular expression, which takes longer than to parse the text."""

from __future__ import annotations

import re
from itertools import accumulate

#: Digits in a row that may be more than 2^53.
_LONG = 16

_BEFORE_NUMBERS = b" \t\n\r,:[-"
_DIGIT, _BEFORE, _OTHER = b"0,x"
_NUMBERS = bytes(
    _DIGIT if each in b"0123456789" else _BEFORE if each in _BEFORE_NUMBERS else _OTHER for each in range(256)
)
_LONG_NUMBER = b"," + b"0" * _LONG
#: The same without numbers that have a point or an exponent.
_LONG_INTEGER = re.compile(r"(?:^|[\s,:\[-])\d{16,}(?![.eE\d])")

_STEP_OF_BRACKET = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
_NO_BRACKETS = bytes(each for each in range(256) if each not in _STEP_OF_BRACKET)


def may_hold_long_integer(text: str) -> bool:
    """Whether an integer beyond 2^53 may be in it. Digits in texts look the same."""
    # whoever looks at every eighth character sees two of sixteen in a row
    sample = text[7::8].encode("utf-8", "replace").translate(_NUMBERS)
    if b"00" not in sample:
        return False
    whole = b"," + text.encode("utf-8", "replace").translate(_NUMBERS)
    return _LONG_NUMBER in whole and _LONG_INTEGER.search(text) is not None


def is_deeper_than(text: bytes, levels: int) -> bool:
    """Whether arrays and objects are nested deeper in it. `text`: what a JSON encoder wrote."""
    if len(text) <= 2 * levels or sum(text.count(each) for each in (b"[", b"{") if each in text) <= levels:
        return False
    if b"\\" in text:  # only texts have any, in front of what they stand for
        text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    outside_of_texts = b"".join(text.split(b'"')[::2])
    brackets = outside_of_texts.translate(None, _NO_BRACKETS)
    return max(accumulate(map(_STEP_OF_BRACKET.__getitem__, brackets)), default=0) > levels
