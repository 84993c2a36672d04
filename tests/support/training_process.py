"""Train in a separate process over HTTP, so that a test can stop or kill it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.rows import dict_row
from pydantic import SecretStr

from evals.datasets.registry import SAMPLE, read_dataset
from state.db.migrate import SCHEMA
from state.settings import NetworkSettings, Settings
from tests.support.model_server.serving import RunningServer
from workflows.recnet import RecNet

IN_FLIGHT = 8
"""The limit of concurrent calls."""
LATENCY = 0.15
PATIENCE = 120.0
COLUMNS = "id, user_id, positive_id, negative_id, predicted_id, reward, reason, failure"


class NetworkPair:
    """Two equal networks: `undisturbed`, and `disturbed`, whose training is interrupted."""

    def __init__(self, url: str, endpoint: RunningServer, records: int) -> None:
        self.url = url
        self.endpoint = endpoint
        self.records = records
        """The number of records to train on."""
        self.dataset = read_dataset(SAMPLE, name="books", domain="books")

    async def bootstrap(self) -> None:
        """Bootstrap one network and copy it."""
        async with RecNet.open(Settings(database_url=SecretStr(self.url))) as recnet:
            await recnet.load("undisturbed", self.dataset)
            await recnet.network("undisturbed").bootstrap(NetworkSettings())
            await recnet.network("undisturbed").copy("disturbed")

    def start(self, network: str, concurrency: int = IN_FLIGHT) -> subprocess.Popen[str]:
        """Start to train on the remaining records."""
        left = str(self.records - self.settled(network))
        at_once = ("--concurrency", str(concurrency))
        return self.run("train", "-n", network, "--limit", left, *at_once)

    def run(self, *words: str) -> subprocess.Popen[str]:
        """Start a command in a process of its own."""
        return subprocess.Popen(  # noqa: S603 - our own words
            [sys.executable, "-m", "evals.cli", *words],
            env={
                **os.environ,
                "RECNET_DATABASE_URL": self.url,
                "OPENAI_BASE_URL": self.endpoint.url,
                "OPENAI_API_KEY": "any",
                "RECNET_MODEL": "openai:offline",
                "RECNET_CACHE": "false",
                "RECNET_MAX_CONCURRENT_CALLS": str(IN_FLIGHT),
            },
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def anyone(self) -> tuple[str, str, str]:
        """Return a user, an item of that user, and another item."""
        event = self.dataset.events[0]
        other = next(item for item in self.dataset.items if item.key != event.item)
        return event.user, event.item, other.key

    def calls(self) -> int:
        """Return the number of calls that the endpoint has seen so far."""
        return sum(self.endpoint.counts.asked.values())

    def train(self, network: str) -> int:
        """Train to the end without a disturbance; return the number of calls."""
        before = self.calls()
        process = self.start(network)
        _, said = process.communicate()
        assert process.returncode == 0, said
        return self.calls() - before

    def settled(self, network: str) -> int:
        """Return the number of settled records."""
        return len(self.interactions(network))

    def interactions(self, network: str) -> list[dict[str, Any]]:
        """Return the rows of the interactions."""
        return self._rows(
            f"SELECT {COLUMNS} FROM interactions "  # noqa: S608 - our own columns
            'WHERE network_id = (SELECT id FROM networks WHERE name = %s) ORDER BY id COLLATE "C"',
            network,
        )

    async def digest(self, network: str) -> str:
        """Return a network's digest."""
        async with RecNet.open(Settings(database_url=SecretStr(self.url))) as recnet:
            return await recnet.network(network).digest()

    async def require_same(self) -> None:
        """Check that both networks are the same, by digest and by the rows of interactions."""
        rows = self.interactions("undisturbed")
        assert len(rows) == self.records
        assert self.interactions("disturbed") == rows
        assert await self.digest("disturbed") == await self.digest("undisturbed")

    def _rows(self, statement: str, *values: object) -> list[dict[str, Any]]:
        with psycopg.connect(
            self.url, row_factory=dict_row, options=f"-c search_path={SCHEMA}"
        ) as conn:
            return conn.execute(statement.encode(), values).fetchall()


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until a condition is true, two minutes at most."""
    end = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < end, "the condition did not become true"
        time.sleep(0.005)
