"""Leg "portable": the kernel without the compiler's 128-bit integers passes its tests."""

from __future__ import annotations

from common import fresh_environment, require, run, run_tests, share_test_tools, wheel_from_sdist

wheel = wheel_from_sdist("portable", QFS_PORTABLE="1", QFS_REQUIRE_KERNEL="1")
python = fresh_environment("portable", wheel)
share_test_tools(python)
integers = "import qfs_kernel; print(qfs_kernel.BUILD['integers'])"
require(run(python, "-Ic", integers).stdout == "portable\n", "the kernel's integers are portable")
run_tests(python, "tests", "specs", "-m", "kernel and not slow", QFS_BACKEND="kernel")
