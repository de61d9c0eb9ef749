# expect: event_without_key.py:5: ResourceCompleted: it has no key; say class ResourceCompleted(Event, key="…") with the field that orders it
from freestone.contract import Event


class ResourceCompleted(Event):
    learner: str
    resource: str
