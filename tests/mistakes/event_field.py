# expect: event_field.py:7: ResourceCompleted, field resource: object: "object" can't cross a process boundary; name a concrete type
from freestone.contract import Event


class ResourceCompleted(Event, key="learner"):
    learner: str
    resource: object
