"""What the loaded kernel was built for, and from."""

from __future__ import annotations

from qfs import limits
from qfs.errors import BackendError
from qfs_kernel import BUILD, LIMITS, SPEC_VERSION, allocation


def check_build() -> None:
    """The kernel was built for these limits.

    Raises:
        BackendError: it was not; it names the limit.
    """
    if SPEC_VERSION != limits.SPEC_VERSION:
        raise BackendError(
            f"the kernel computes spec version {SPEC_VERSION}, this is {limits.SPEC_VERSION}"
        )
    for name, value in LIMITS.items():
        here = getattr(limits, name, None)
        if here != value:
            raise BackendError(f"the kernel was built for {name} = {value}, this is {here}")


def build_facts() -> dict[str, str]:
    """Compiler, kind of 128-bit integers and source hash of the loaded kernel."""
    return dict(BUILD)


def cpu_paths() -> tuple[str, ...]:
    """The CPU paths that the kernel can take on this machine, by the names of QFS_ISA, the
    fastest last."""
    return allocation.CPU_PATHS
