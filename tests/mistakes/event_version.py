# expect: event_version.py:5: ResourceCompleted: its version is 0; count from 1
from freestone.contract import Event


class ResourceCompleted(Event, key="learner", version=0):
    learner: str
    resource: str
