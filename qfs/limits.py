"""Every bound of the protocol in one place."""

from __future__ import annotations

from typing import Final

SPEC_VERSION: Final = 1

TOKEN_DECIMALS: Final = 18
BASE_UNITS_PER_TOKEN: Final = 10**TOKEN_DECIMALS
"""One token in base units. Also the scale of rates and of the issuance residue."""

MAX_SCALAR: Final = 2**128 - 1
"""Largest scalar and largest total."""

MAX_DIGITS: Final = 38
MAX_VALUE: Final = 10**MAX_DIGITS - 1
"""Largest value in a column, of one account and of a pool: what decimal128(38, 18) holds."""

CELL_BYTES: Final = 16
"""A value in a column: unsigned, little-endian."""

MAX_ROWS: Final = 2**32 - 1
"""Largest number of rows of a column, so that a position fits in 32 bits."""

MAX_ID_BYTES: Final = 128
MIN_ID_BYTE: Final = 0x21
MAX_ID_BYTE: Final = 0x7E

MAX_TICK: Final = 2**53 - 1
"""Largest tick and epoch: the largest integer that every JSON reader keeps exact."""

MAX_COUNT: Final = 2**32 - 1
"""Largest numerator and denominator of a ratio: a count fits in 32 bits."""

HASH_BYTES: Final = 32
"""SHA-256."""

MAX_RATE: Final = BASE_UNITS_PER_TOKEN
"""A rate of 1, in 10^-18."""

assert MAX_VALUE < 2 ** (8 * CELL_BYTES - 1), "the division step doubles a pool within 128 bits"
assert MAX_VALUE <= MAX_SCALAR
assert MAX_VALUE * MAX_RATE + BASE_UNITS_PER_TOKEN < 2**192, "a fee times a rate fits in 192 bits"
assert (MAX_VALUE * MAX_RATE + BASE_UNITS_PER_TOKEN - 1) // BASE_UNITS_PER_TOKEN <= MAX_VALUE
