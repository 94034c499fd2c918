"""`python -m qfs.cli` is the `qfs` command."""

from qfs.cli import main

main()
