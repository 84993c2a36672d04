"""The registry of all prompts; their templates are checked when resources open.

To add a prompt: a module here with its `Fields`, its `Reply` and a `Prompt`; `templates/NAME.md`,
which mentions each field as `<field>`; a line below; and the offline answer, in
`offline/model.py` under the name of the reply class. Call it by `ModelClient.ask`.
"""

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
