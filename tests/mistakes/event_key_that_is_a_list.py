# expect: event_key_that_is_a_list.py:7: ResourceCompleted, field resource: list[str]: a key is one value; use text or a number
from freestone.contract import Event


class ResourceCompleted(Event, key="resource"):
    learner: str
    resource: list[str]
