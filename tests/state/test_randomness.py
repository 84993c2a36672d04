"""Random draws depend on what they are for, and on nothing else."""

from state.randomness import draw


def test_a_draw_is_keyed_by_seed_and_purpose_and_not_by_order() -> None:
    alone = draw(0, "train:7", "order").random()
    for other in range(5):
        draw(0, "train", other).random()
    assert draw(0, "train:7", "order").random() == alone
    assert draw(1, "train:7", "order").random() != alone
    assert draw(0, "train:7", "negative").random() != alone


def test_parts_of_a_purpose_do_not_run_into_each_other() -> None:
    assert draw(0, "a", "bc").random() != draw(0, "ab", "c").random()
    assert draw(1, 2).random() != draw(12).random()


def test_a_draw_is_the_same_in_every_version_and_on_every_machine() -> None:
    assert round(draw(0, "train:7", "order").random(), 12) == FIXED


FIXED = 0.69076666445
