"""Random streams of records over the clients of the tiny world."""

from hypothesis import strategies as st

from workflows.training.schedule import Record

USERS = range(1, 7)
ITEMS = range(7, 19)


@st.composite
def record_streams(draw: st.DrawFn, most: int = 24) -> list[Record]:
    """Draw records over few clients, so that windows of several records come about."""
    triples = draw(
        st.lists(st.tuples(st.sampled_from(USERS), st.permutations(ITEMS)), max_size=most)
    )
    return [
        Record(id=f"tiny:{n}", user=user, positive=positive, negative=negative)
        for n, (user, (positive, negative, *_)) in enumerate(triples)
    ]
