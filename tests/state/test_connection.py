"""Connections: whatever a password holds, no part of it is told."""

from string import punctuation

import pytest

from state.connection import connect
from state.errors import DatabaseError


@pytest.mark.parametrize("first", punctuation)
async def test_no_error_quotes_a_password_that_was_not_encoded(first: str) -> None:
    for second in ("", *punctuation):
        url = f"postgresql://me:s3{first}cr{second}et@127.0.0.1:1/db"
        with pytest.raises(DatabaseError) as refused:
            await connect(url)
        line = str(refused.value)
        assert not any(part in line for part in ("s3", "cr", "et@")), url
        assert "RECNET_DATABASE_URL" in line


@pytest.mark.parametrize("password", ["s3%40cr", "s3%2Fcr", "s3%3Fcr", "s3:cr", "s3#cr"])
async def test_an_encoded_password_reaches_the_server(password: str) -> None:
    with pytest.raises(DatabaseError, match="Connection refused"):
        await connect(f"postgresql://me:{password}@127.0.0.1:1/my%40db")
