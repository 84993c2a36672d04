"""The offline answer to `optimize_filter_memory`: topics to let in and to keep out. Lexical.

At most one rule lets topics in and one keeps topics out; the other rules are kept word for word.
"""

from prompts.initial_profiles import INITIAL_RULES
from prompts.offline.phrases import distinct, without
from prompts.offline.rules import Aim, read_rule, write_topic_rule
from prompts.offline.suggestions import Order, read_orders
from prompts.optimize_filter_memory import OptimizedFilterMemory, OptimizeFilterMemoryFields

RULES_KEPT = 8
TOPICS_HELD = 10


def optimize_filter_memory(fields: OptimizeFilterMemoryFields) -> OptimizedFilterMemory:
    """Return the rules after the feedback; a topic is let in or kept out, never both."""
    orders = read_orders(fields.suggestion)
    block, admit = orders.get(Order.BLOCK, ()), orders.get(Order.ADMIT, ())
    if not block and not admit:
        return _reply(list(fields.rules), fields)
    read = [(text, read_rule("", text)) for text in fields.rules]
    blocked = [topic for _, rule in read if rule.aim is Aim.BLOCK for topic in rule.topics]
    admitted = [topic for _, rule in read if rule.aim is Aim.ADMIT for topic in rule.topics]
    topics = {
        Aim.ADMIT: distinct([*admit, *without(admitted, block)]),
        Aim.BLOCK: distinct([*without(block, admit), *without(blocked, admit)]),
    }
    first = [write_topic_rule(aim, held[:TOPICS_HELD]) for aim, held in topics.items()]
    rest = [text for text, rule in read if rule.aim not in topics]
    return _reply([*first, *rest], fields)


def _reply(rules: list[str], fields: OptimizeFilterMemoryFields) -> OptimizedFilterMemory:
    kept = [rule for rule in rules if rule.strip()][:RULES_KEPT]
    return OptimizedFilterMemory(rules=kept or list(INITIAL_RULES[fields.kind]))
