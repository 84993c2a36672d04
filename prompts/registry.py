"""The registry of all prompts; their templates are checked when resources open.

To add a prompt: a module here with its `Fields`, its `Reply` and a `Prompt`; `templates/NAME.md`,
which mentions each field as `<field>`; a line below; and the offline answer, in
`offline/model.py` under the name of the reply class. Call it by `ModelClient.ask`.
"""

from prompts.attributes import EXTRACT, SUMMARIZE
from prompts.gradient import GRADIENT
from prompts.merge import MERGE
from prompts.optimize import OPTIMIZE_FILTER_MEMORY, OPTIMIZE_PROFILE, OPTIMIZE_ROUTER
from prompts.peer_messages import ADDRESS_CLIENTS, CHOOSE_RECIPIENTS, WRITE_MESSAGE
from prompts.predict import PREDICT
from prompts.rank import RANK

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
