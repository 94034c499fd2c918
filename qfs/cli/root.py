"""The `qfs` group: which commands there are, and how errors leave the program."""

from __future__ import annotations

import sys
import warnings

import click

from qfs.cli.bench import bench
from qfs.cli.checkpoint import checkpoint
from qfs.cli.demo import demo
from qfs.cli.diff import diff
from qfs.cli.doctor import doctor
from qfs.cli.epoch import epoch
from qfs.cli.evidence import prove
from qfs.cli.explain import explain
from qfs.cli.importing import importing
from qfs.cli.instance import init
from qfs.cli.key import key
from qfs.cli.node import node
from qfs.cli.output import EXIT_ERROR, EXIT_VERIFICATION_FAILED, print_json
from qfs.cli.parameter import parameter
from qfs.cli.proposal import proposal
from qfs.cli.replay import replay
from qfs.cli.ruleset import ruleset
from qfs.cli.simulate import simulate
from qfs.cli.tally import tally
from qfs.cli.verifying import verify
from qfs.cli.vote import vote
from qfs.errors import QfsError, VerificationError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 96})
@click.version_option(package_name="qfs", message="%(prog)s %(version)s")
def root() -> None:
    """Pay infrastructure nodes from protocol fees: exactly, and so that anyone can check it.

    Exit codes: 0 done, 1 error, 2 wrong usage, 3 verification failed. QFS_BACKEND
    (auto, kernel, reference) and QFS_THREADS choose how it is computed, never what.
    """


for command in (
    *(bench, checkpoint, demo, diff, doctor, epoch, explain, importing, init, key, node),
    *(parameter, proposal, prove, replay, ruleset, simulate, tally, verify, vote),
):
    root.add_command(command)


def run(arguments: list[str]) -> int:
    """Run one command; returns the exit code."""
    warnings.showwarning = _show_warning
    try:
        code = root.main(arguments, prog_name="qfs", standalone_mode=False)
    except QfsError as error:
        if "--json" in arguments:
            print_json({"ok": False, "error": _as_document(error)})
        failed = isinstance(error, VerificationError)
        click.echo(f"{'verification failed' if failed else 'error'}: {error}", err=True)
        return EXIT_VERIFICATION_FAILED if failed else EXIT_ERROR
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        return EXIT_ERROR
    except BrokenPipeError:
        # Whoever read our output has seen enough. Python would complain once more at exit.
        sys.stderr.close()
        return EXIT_ERROR
    except (OSError, MemoryError) as error:
        click.echo(f"error: {error or 'out of memory'}", err=True)
        return EXIT_ERROR
    return code if isinstance(code, int) else 0


def _as_document(error: QfsError) -> dict[str, object]:
    fields = {
        "code": error.code,
        "message": str(error),
        "source": error.source,
        "field": error.argument,
        "row": None if error.index is None else error.index + 1,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _show_warning(message: Warning | str, *_: object, **__: object) -> None:
    click.echo(f"warning: {message}", err=True)
