"""Errors of the database that no test can bring about in a second, and those that are bugs."""

import psycopg
import pytest
from psycopg import errors

from state.db.errors import advice, explain, unreachable


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (errors.OutOfMemory("out of shared memory"), "out of memory (out of shared memory)"),
        (errors.AdminShutdown("terminating connection"), "was lost (terminating connection)"),
        (psycopg.OperationalError("the connection is closed"), "was lost (the connection is"),
        (psycopg.OperationalError(), "was lost (OperationalError)"),
        (psycopg.OperationalError("FATAL:  sorry, too many clients already"), "max_connections"),
        (psycopg.OperationalError("FATAL: remaining connection slots are reserved for roles …"),
         "RECNET_CONNECTIONS"),
        (errors.TooManyConnections("no more"), "RECNET_CONNECTIONS"),
    ],
)  # fmt: skip
def test_what_a_person_can_act_on_says_what_to_do(error: psycopg.Error, says: str) -> None:
    assert says in str(advice(error))
    assert explain(error) == advice(error)


@pytest.mark.parametrize(
    "error",
    [errors.DivisionByZero("division\nby zero"), errors.DeadlockDetected("division by zero")],
)
def test_what_is_a_bug_is_only_quoted(error: psycopg.Error) -> None:
    assert advice(error) is None
    assert explain(error) == "the database failed: division by zero"


def test_a_host_of_several_addresses_is_named_once() -> None:
    said = "connection failed: one\nMultiple connection attempts failed. All failures were:\n- two"
    line = str(unreachable(psycopg.OperationalError(said)))
    assert line.startswith("cannot connect to the database: connection failed: one; check RECNET_")
