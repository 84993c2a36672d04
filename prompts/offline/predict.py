"""The offline answer to `predict`: the option that overlaps more with the user's text. Lexical."""

from typing import cast

from prompts.offline.scoring import Scored, ranked
from prompts.predict import Choice, Predict, PredictFields


def predict(fields: PredictFields) -> Predict:
    """Return the better fitting option and the phrases that speak for it."""
    best = ranked(fields.user, fields.options)[0]
    return Predict(reason=reason_for(best), choice=cast("Choice", best.option.name))


def reason_for(scored: Scored) -> str:
    """Return in a few words why an option stands where it stands."""
    if not scored.matches:
        return "Nothing in the profile speaks for it."
    return f"The profile speaks for it: {'; '.join(scored.matches[:3])}."
