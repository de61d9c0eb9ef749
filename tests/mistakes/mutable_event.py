# expect: mutable_event.py:5: ResourceCompleted: an event is immutable; leave out frozen=False
from freestone.contract import Event


class ResourceCompleted(Event, key="learner", frozen=False):
    learner: str
    resource: str
