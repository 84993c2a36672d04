"""Encoders by name, and the one way to embed: unit vectors of texts that are not empty."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

import numpy as np
from langchain.embeddings import init_embeddings
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from prompts.llm.call_usage import CallUsage
from prompts.llm.error_messages import SettingNames, call_error
from prompts.llm.errors import ModelError
from prompts.llm.limiter import CallLimiter
from prompts.llm.models import COMPATIBLE, OFFLINE, Connection, loading_error
from prompts.llm.retries import is_failure, retry_policy
from prompts.llm.tokens import estimate_tokens
from prompts.offline.encoder import OfflineEncoder
from state.domain import EMBEDDING, Call

MOST_DIMENSIONS = 1_900
"""What fits into a row of PostgreSQL (8 kB); longer vectors are slow to read."""

_SETTING = "RECNET_EMBEDDING"
_NAMES = SettingNames(
    setting=_SETTING, address="RECNET_EMBEDDING_BASE_URL", key="RECNET_EMBEDDING_API_KEY"
)
_WITH_DIMENSIONS = re.compile(r"(?P<model>.+)@(?P<dimensions>[1-9][0-9]*)")


@dataclass
class Encoder:
    """Turns texts into unit vectors; times are in seconds."""

    embeddings: Embeddings
    _: KW_ONLY
    name: str
    """Stands for the vector space: a network refuses an encoder of another name."""
    request_attempts: int = 5
    """The most requests for one batch."""
    retry_wait: float = 1.0
    """The first pause between two of them."""
    timeout: float = 60.0
    limiter: CallLimiter = field(default_factory=CallLimiter)
    names: SettingNames = _NAMES
    """The variables that its errors name."""

    async def embed(
        self, texts: Sequence[str], meter: Callable[[Call], Awaitable[None]] | None = None
    ) -> NDArray[np.float32]:
        """Return one unit-length row for each text, shape (n, d); equal texts are embedded once.

        No texts give an array of shape (0, 0): d is known only from a reply. `meter` receives the
        usage where requests were sent, without tokens: langchain's interface does not give them.

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
        usage = CallUsage(EMBEDDING, self.name)
        async with self.limiter.slots:
            try:
                vectors = await self._request(distinct, usage)
                unit = self._unit(vectors, len(distinct))
                usage.outcome = "ok"
            finally:
                if meter is not None and not isinstance(self.embeddings, OfflineEncoder):
                    with self.limiter.recording():
                        await meter(usage.call())
        row = {text: number for number, text in enumerate(distinct)}
        return unit[[row[text] for text in texts]]

    async def _request(self, texts: list[str], usage: CallUsage) -> list[list[float]]:
        tokens = estimate_tokens(*texts)
        try:
            async for attempt in retry_policy(self.name, self.request_attempts, self.retry_wait):
                with attempt:
                    async with self.limiter.request(tokens), usage.attempt(self.timeout):
                        vectors = await self.embeddings.aembed_documents(texts)
        except Exception as error:
            if not is_failure(error):
                raise
            # The cause is cut off: a provider's own text may quote the key.
            raise call_error(error, EMBEDDING, self.name, self.embeddings, self.names) from None
        return vectors

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
    **more: Any,  # noqa: ANN401 - passed on
) -> Encoder:
    """Return the encoder `name`: `offline`, `provider:model`, or `provider:model@dimensions`.

    `timeout` is in seconds, for one request. Like `connection` it is passed to OpenAI-compatible
    endpoints only, as other libraries have no common name for it. `more` is for `Encoder`.

    Raises:
        ModelError: an unknown name, a missing package or a missing key; it says what to set.
    """
    if name == OFFLINE:
        return Encoder(OfflineEncoder(), name=name)
    sized = _WITH_DIMENSIONS.fullmatch(name)
    model = sized["model"] if sized else name
    options: dict[str, Any] = {"dimensions": int(sized["dimensions"])} if sized else {}
    names = SettingNames(setting=_SETTING)
    if model.startswith(COMPATIBLE):
        connection = connection or Connection()
        # Texts are bounded far below any context, and the tokenizer's files may not be there.
        options |= {"check_embedding_ctx_length": False, "timeout": timeout, "max_retries": 0}
        options |= connection.options()
        names = _NAMES if connection.base_url else names
    try:
        embeddings = init_embeddings(model, **options)
    except Exception as error:  # noqa: BLE001 - whatever a provider's library raises
        raise loading_error(_SETTING, name, "openai:text-embedding-3-small", error) from None
    return Encoder(embeddings, name=name, timeout=timeout, names=names, **more)
