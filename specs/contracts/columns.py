"""Contracts of qfs.reference.columns, and of what it checks each id with.

Columns of ids and amounts lie in memory views over arrays, which CrossHair does not model.
"""

from __future__ import annotations

from collections.abc import Callable

from qfs.errors import QfsError
from qfs.ids import require_id, require_name
from qfs.limits import MAX_ID_BYTE, MAX_ID_BYTES, MAX_VALUE, MIN_ID_BYTE
from qfs.reference import columns


def values_in_their_bounds_pass(a: int, b: int) -> list[int]:
    """Values within their bounds are given back as they are.

    of: qfs.reference.columns.check_values
    bound: two values
    pre: 0 <= a <= MAX_VALUE
    pre: 0 <= b <= MAX_VALUE
    post: __return__ == [a, b]
    """
    return list(columns.check_values([a, b], "values"))


def the_first_value_outside_is_named(a: int, b: int) -> object:
    """Of values outside their bounds the lowest index is named.

    of: qfs.reference.columns.check_values
    bound: two values of -1 .. 3 with a maximum of 2
    pre: -1 <= a <= 3 and -1 <= b <= 3
    post: __return__ == (0 if not 0 <= a <= 2 else 1 if not 0 <= b <= 2 else None)
    """
    try:
        columns.check_values([a, b], "values", 2)
    except QfsError as error:
        return error.index
    return None


def ids_are_of_printable_bytes(byte: int) -> bool:
    """An id of one byte is accepted exactly where it is 0x21 .. 0x7E.

    of: qfs.ids.require_id
    bound: one byte, at the edges of what is printable
    pre: byte in (0x00, 0x20, 0x21, 0x22, 0x7D, 0x7E, 0x7F, 0xFF)
    post: __return__ == (MIN_ID_BYTE <= byte <= MAX_ID_BYTE)
    """
    return _accepts(require_id, bytes([byte]))


def names_are_of_printable_bytes(byte: int) -> bool:
    """A name of one byte is accepted exactly where it is 0x21 .. 0x7E.

    of: qfs.ids.require_name
    bound: one byte, at the edges of what is printable
    pre: byte in (0x00, 0x20, 0x21, 0x22, 0x7D, 0x7E, 0x7F, 0xFF)
    post: __return__ == (MIN_ID_BYTE <= byte <= MAX_ID_BYTE)
    """
    return _accepts(require_name, bytes([byte]))


def ids_have_their_length(length: int) -> bool:
    """An id is accepted exactly where it has 1 to 128 bytes.

    of: qfs.ids.require_id
    bound: 0 .. 2 and 127 .. 130 bytes
    pre: 0 <= length <= 2 or 127 <= length <= 130
    post: __return__ == (1 <= length <= MAX_ID_BYTES)
    """
    return _accepts(require_id, b"a" * length)


def _accepts(check: Callable[[object, str], object], value: bytes) -> bool:
    try:
        check(value, "id")
    except QfsError:
        return False
    return True
