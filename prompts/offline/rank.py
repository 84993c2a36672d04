"""The offline answer to `rank`: the candidates by their overlap with the user's text. Lexical."""

from prompts.offline.predict import reason_for
from prompts.offline.scoring import ranked
from prompts.rank import Rank, Ranked, RankFields


def rank(fields: RankFields) -> Rank:
    """Return every candidate once, the best fitting first."""
    return Rank(
        ranking=[
            Ranked(name=scored.option.name, reason=reason_for(scored))
            for scored in ranked(fields.user, fields.candidates)
        ]
    )
