"""An instance made by the commands, as an operator makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from qfs.cli.root import run

EPOCH_TICKS = 10
RULES = (
    "epoch.ticks = 10\n"
    "allocation.min_active_nodes = 1\n"
    'allocation.max_share = "1"\n'
    "registry.max_nodes_per_operator = 9\n"
)
TELEMETRY = "node_id,epoch,uptime_n,uptime_d,storage_n,storage_d,ai_n,ai_d\n"
NODES = ("ann", "bea", "cyd", "dot")


@dataclass(frozen=True)
class Network:
    """An instance in a folder, with the inputs for it beside it."""

    base: Path
    capsys: pytest.CaptureFixture[str]

    @property
    def folder(self) -> Path:
        return self.base / "net"

    def run(self, *words: str) -> tuple[int, str, str]:
        """A command; its exit code, output and errors."""
        self.capsys.readouterr()
        code = run(list(words))
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command prints with --json."""
        found, out, err = self.run(*words, "--json")
        assert found == code, err or out
        return json.loads(out)

    def on(self, *words: str) -> tuple[int, str, str]:
        """A command on the instance."""
        return self.run(*words, "--instance", str(self.folder))

    def write(self, name: str, text: str) -> str:
        path = self.base / name
        path.write_text(text)
        return str(path)

    def telemetry(self, epoch: int, rows: dict[str, tuple[int, ...]]) -> str:
        """A table of counts; those that are left out are 0."""
        lines = [
            ",".join(map(str, (node, epoch, *counts, *[0] * (6 - len(counts)))))
            for node, counts in rows.items()
        ]
        return self.write(f"telemetry-{epoch}.csv", TELEMETRY + "\n".join(lines) + "\n")

    def fees(self, epoch: int, *fees: int) -> str:
        rows = [f"{epoch * EPOCH_TICKS + i},act-{epoch}-{i},{fee}\n" for i, fee in enumerate(fees)]
        return self.write(f"fees-{epoch}.csv", "tick,action_id,fee_base_units\n" + "".join(rows))

    def inputs(self, epoch: int) -> tuple[str, ...]:
        """Options for a close with telemetry and fees of its own; dot is seen too seldom."""
        rows = {"ann": (10, 10), "bea": (9, 10), "cyd": (19, 20), "dot": (8, 10)}
        return self.options(self.telemetry(epoch, rows), self.fees(epoch, 1000, 7, 10**9))

    def options(self, telemetry: str, fees: str) -> tuple[str, ...]:
        key = str(self.base / "reporter.key")
        signed = ("--reporter", "watch", "--key", key)
        return ("--telemetry", telemetry, "--fees", fees, *signed)

    def close(self, epoch: int) -> tuple[int, str, str]:
        return self.on("epoch", "close", *self.inputs(epoch))


@pytest.fixture
def new_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Network]:
    """Makes an instance with four nodes and a reporter, `watch`, and no closed epoch."""

    def make(name: str = "a", rules: str = RULES) -> Network:
        base = tmp_path / name
        base.mkdir()
        network = Network(base, capsys)
        file = network.write("rules.toml", rules)
        created = network.run("init", str(network.folder), "--name", "net", "--ruleset", file)
        assert created[0] == 0, created[2]
        public = network.json("key", "new", str(base / "reporter.key"))["public_key"]
        rows = "".join(f"{node},op-{node},infrastructure,{public}\n" for node in NODES)
        table = network.write(
            "nodes.csv", f"node_id,operator_id,role,public_key\n{rows}watch,ops,reporter,{public}\n"
        )
        registered = network.on("node", "register", "--table", table)
        assert registered[0] == 0, registered[2]
        return network

    return make


@pytest.fixture
def network_at(capsys: pytest.CaptureFixture[str]) -> Callable[[Path], Network]:
    """A network in a folder that is there, as a copy of another is."""
    return lambda base: Network(base, capsys)


@pytest.fixture
def network(new_network: Callable[..., Network]) -> Network:
    return new_network()


@pytest.fixture
def closed(network: Network) -> Network:
    """With epochs 0, 1 and 2 closed."""
    for epoch in range(3):
        code, _, err = network.close(epoch)
        assert code == 0, err
    return network
