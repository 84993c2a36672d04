"""All prompts of the graphs, so that their templates are checked at start and not at call 4,000."""

from prompts.address_clients import ADDRESS_CLIENTS
from prompts.choose_recipients import CHOOSE_RECIPIENTS
from prompts.extract import EXTRACT
from prompts.gradient import GRADIENT
from prompts.merge import MERGE
from prompts.optimize_filter_memory import OPTIMIZE_FILTER_MEMORY
from prompts.optimize_profile import OPTIMIZE_PROFILE
from prompts.optimize_router import OPTIMIZE_ROUTER
from prompts.predict import PREDICT
from prompts.rank import RANK
from prompts.summarize import SUMMARIZE
from prompts.write_message import WRITE_MESSAGE

PROMPTS = (
    EXTRACT,
    SUMMARIZE,
    MERGE,
    PREDICT,
    GRADIENT,
    OPTIMIZE_PROFILE,
    OPTIMIZE_FILTER_MEMORY,
    OPTIMIZE_ROUTER,
    RANK,
    CHOOSE_RECIPIENTS,
    WRITE_MESSAGE,
    ADDRESS_CLIENTS,
)
