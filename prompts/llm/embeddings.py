"""Encoders by name, and the one way to embed: unit vectors of texts that say something."""

import re
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import numpy as np
from langchain.embeddings import init_embeddings
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from prompts.llm.call_usage import Attempts
from prompts.llm.errors import ModelError
from prompts.llm.limiter import CallLimiter, CallSlot
from prompts.llm.models import COMPATIBLE, OFFLINE, Connection, unusable
from prompts.llm.retries import Origin, fatal, is_failure, of_loading, retrying
from prompts.offline.encoder import OfflineEncoder
from prompts.offline.model import CHARACTERS_A_TOKEN
from state.domain import EMBEDDING, Call

MOST_DIMENSIONS = 1_900
"""What a row of PostgreSQL holds inline (8 kB): beyond it, vectors are slow to read."""

_SETTING = "RECNET_EMBEDDING"
_ORIGIN = Origin(
    setting=_SETTING, address="RECNET_EMBEDDING_BASE_URL", key="RECNET_EMBEDDING_API_KEY"
)
_WITH_DIMENSIONS = re.compile(r"(?P<model>.+)@(?P<dimensions>[1-9][0-9]*)")


class Encoder:
    """Turns texts into unit vectors.

    `name` stands for the vector space: a network refuses an encoder of another name. `tries` bounds
    the requests for one batch, `wait` is the first pause between two of them in seconds. `origin`
    are the variables that its errors name. `local` ones send no requests.
    """

    def __init__(
        self,
        embeddings: Embeddings,
        *,
        name: str,
        tries: int = 5,
        wait: float = 1.0,
        timeout: float = 60.0,
        limiter: CallLimiter | None = None,
        origin: Origin = _ORIGIN,
        local: bool = False,
    ) -> None:
        self.name = name
        self._embeddings = embeddings
        self._tries = tries
        self._wait = wait
        self._timeout = timeout
        self._limiter = limiter or CallLimiter()
        self._origin = origin
        self._local = local

    async def embed(
        self, texts: Sequence[str], meter: Callable[[Call], Awaitable[None]] | None = None
    ) -> NDArray[np.float32]:
        """Return one unit-length row for each text, shape (n, d); equal texts are embedded once.

        No texts give an array of shape (0, 0): d is known only from a reply. `meter` receives what
        it cost where requests were sent; how many tokens, langchain's interface does not tell.

        Raises:
            ValueError: an empty text; it has no place in the space.
            ReplyError: the endpoint kept failing in ways that may pass.
            ModelError: it cannot be used or reached, or sent vectors that cannot be used.
        """
        if any(not text.strip() for text in texts):
            raise ValueError("an empty text has no embedding")
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.zeros((0, 0), dtype=np.float32)
        tally = Attempts()
        with self._limiter.call() as place:
            try:
                vectors = await self._vectors(distinct, tally, place)
                unit = self._unit(vectors, len(distinct))
                tally.outcome = "ok"
            finally:
                if meter is not None and not self._local:
                    with self._limiter.storing():
                        await meter(self._call(tally))
        row = {text: number for number, text in enumerate(distinct)}
        return unit[[row[text] for text in texts]]

    async def _vectors(
        self, texts: list[str], tally: Attempts, place: CallSlot
    ) -> list[list[float]]:
        try:
            return await retrying(self.name, self._tries, self._wait)(
                self._request, texts, tally, place
            )
        except Exception as error:
            if not is_failure(error):
                raise
            # The cause is cut off: a provider's own text may quote the key.
            raise fatal(error, EMBEDDING, self.name, self._embeddings, self._origin) from None

    async def _request(
        self, texts: list[str], tally: Attempts, place: CallSlot
    ) -> list[list[float]]:
        tokens = sum(map(len, texts)) // CHARACTERS_A_TOKEN
        async with place.request(tokens), tally.attempt(self._timeout):
            return await self._embeddings.aembed_documents(texts)

    def _call(self, tally: Attempts) -> Call:
        return Call(
            prompt=EMBEDDING,
            model=self.name,
            attempts=tally.attempts,
            seconds=tally.seconds,
            outcome=tally.outcome,
            faults=dict(tally.faults),
        )

    def _unit(self, vectors: list[list[float]], count: int) -> NDArray[np.float32]:
        if len(vectors) != count or len({len(vector) for vector in vectors}) != 1:
            raise ModelError(
                f"{self.name}: {count} texts gave {len(vectors)} vectors, or vectors of several "
                f"lengths; set another {_SETTING}"
            )
        array = np.asarray(vectors, dtype=np.float64)
        if array.shape[1] > MOST_DIMENSIONS:
            raise ModelError(
                f"{self.name}: {array.shape[1]} dimensions, at most {MOST_DIMENSIONS} can be kept; "
                f"choose fewer, as in {_SETTING}=openai:text-embedding-3-large@1024"
            )
        lengths = np.linalg.norm(array, axis=1, keepdims=True)
        if not np.isfinite(lengths).all() or not lengths.all():
            raise ModelError(f"{self.name}: a vector is zero or not finite; set another {_SETTING}")
        unit: NDArray[np.float32] = (array / lengths).astype(np.float32)
        return unit


def load_encoder(
    name: str,
    *,
    timeout: float = 60.0,
    connection: Connection | None = None,
    tries: int = 5,
    wait: float = 1.0,
    limiter: CallLimiter | None = None,
) -> Encoder:
    """Return the encoder `name`: `offline`, `provider:model`, or `provider:model@dimensions`.

    `timeout` is in seconds, for one request; like `connection` it reaches OpenAI-compatible
    endpoints only, as other libraries have no common name for it.

    Raises:
        ModelError: an unknown name, a missing package or a missing key; it says what to set.
    """
    if name == OFFLINE:
        return Encoder(OfflineEncoder(), name=name, local=True)
    sized = _WITH_DIMENSIONS.fullmatch(name)
    model = sized["model"] if sized else name
    options: dict[str, Any] = {"dimensions": int(sized["dimensions"])} if sized else {}
    origin = Origin(setting=_SETTING)
    if model.startswith(COMPATIBLE):
        reached = connection or Connection()
        # Texts are bounded far below any context, and the tokenizer's files may not be there.
        options |= {"check_embedding_ctx_length": False, "timeout": timeout, "max_retries": 0}
        options |= reached.options()
        origin = _ORIGIN if reached.base_url else origin
    try:
        embeddings = init_embeddings(model, **options)
    except of_loading() as error:
        raise unusable(_SETTING, name, "openai:text-embedding-3-small", error) from None
    return Encoder(
        embeddings,
        name=name,
        tries=tries,
        wait=wait,
        timeout=timeout,
        limiter=limiter,
        origin=origin,
    )
