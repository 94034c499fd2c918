"""Exact, deterministic and verifiable payment of infrastructure nodes from protocol fees.

Amounts are integers of base units, 10^-18 of a token. `amount` and `text` go between them and
tokens as text.
"""

from qfs.api import (
    Allocation,
    Issuance,
    Scoring,
    Tally,
    allocate,
    issue,
    mul_div,
    score,
    tally,
)
from qfs.backend import Backend, FallbackWarning, backend
from qfs.certified import CertifiedMath, Fixed128
from qfs.columns import Column
from qfs.decimals import amount, text
from qfs.errors import QfsError

__version__ = "0.1.0"

__all__ = [
    "Allocation",
    "Backend",
    "CertifiedMath",
    "Column",
    "FallbackWarning",
    "Fixed128",
    "Issuance",
    "QfsError",
    "Scoring",
    "Tally",
    "__version__",
    "allocate",
    "amount",
    "backend",
    "issue",
    "mul_div",
    "score",
    "tally",
    "text",
]
