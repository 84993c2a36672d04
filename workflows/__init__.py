"""RecNet from Python.

import asyncio

from evals.datasets import SAMPLE, read_dataset
from workflows import RecNet


async def main() -> None:
    async with RecNet.open() as app:
        books = await app.load("books", read_dataset(SAMPLE, domain="books"))
        await books.bootstrap()
        report = await books.train(limit=10)
        print(f"{report.run} records, mean reward {report.reward:.2f}")
        print((await books.interactions())[0].reason)


asyncio.run(main())
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from workflows.network import Network
    from workflows.recnet import RecNet

__all__ = ["Network", "RecNet"]


def __getattr__(name: str) -> object:
    """Import the API only when it is asked for: `recnet --help` needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module 'workflows' has no attribute '{name}'")
    return getattr(import_module(f"workflows.{name.lower()}"), name)
