"""pool * w // total over 32-bit limbs, compiled by Numba: schoolbook product, Knuth's division."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

MASK = np.uint64(0xFFFFFFFF)
B = np.uint64(32)


@numba.njit(cache=False)
def floors(weights: Any, pool: Any, total: Any, amounts: Any) -> None:  # noqa: C901
    """Rows of four limbs; `pool` and `total` as four limbs in 64 bits each, the last not 0s all."""
    n = 4
    while total[n - 1] == 0:
        n -= 1
    shift = np.uint64(0)
    while (total[n - 1] << shift) & np.uint64(0x80000000) == 0:
        shift += np.uint64(1)
    d = np.zeros(n, np.uint64)
    for i in range(n):
        below = total[i - 1] >> (B - shift) if i and shift else np.uint64(0)
        d[i] = ((total[i] << shift) & MASK) | below
    u = np.zeros(9, np.uint64)
    for row in range(weights.shape[0]):
        u[:] = 0
        for i in range(4):
            carry = np.uint64(0)
            for j in range(4):
                carry += u[i + j] + np.uint64(weights[row, i]) * pool[j]
                u[i + j] = carry & MASK
                carry >>= B
            u[i + 4] = carry
        carry = np.uint64(0)
        for i in range(9):
            wide = (u[i] << shift) | carry
            u[i] = wide & MASK
            carry = wide >> B
        for j in range(8 - n, -1, -1):
            top = (u[j + n] << B) | u[j + n - 1]
            q = top // d[n - 1]
            r = top - q * d[n - 1]
            while q > MASK or (n > 1 and r <= MASK and q * d[n - 2] > ((r << B) | u[j + n - 2])):
                q -= np.uint64(1)
                r += d[n - 1]
                if r > MASK:
                    break
            borrow = np.int64(0)
            carry = np.uint64(0)
            for i in range(n):
                carry += q * d[i]
                t = np.int64(u[i + j]) - borrow - np.int64(carry & MASK)
                carry >>= B
                borrow = np.int64(1) if t < 0 else np.int64(0)
                u[i + j] = np.uint64(t) & MASK
            t = np.int64(u[j + n]) - borrow - np.int64(carry)
            u[j + n] = np.uint64(t) & MASK
            if t < 0:
                q -= np.uint64(1)
                carry = np.uint64(0)
                for i in range(n):
                    carry += u[i + j] + d[i]
                    u[i + j] = carry & MASK
                    carry >>= B
                u[j + n] = (u[j + n] + carry) & MASK
            if j < 4:
                amounts[row, j] = np.uint32(q)
