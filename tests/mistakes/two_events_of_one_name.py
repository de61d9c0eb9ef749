# expect: two_events_of_one_name.py:9: Completed: ResourceCompleted has the name ResourceCompleted already; give one of them another name, or another version
from freestone.contract import Event


class ResourceCompleted(Event, key="learner"):
    learner: str


class Completed(Event, key="learner", name="ResourceCompleted"):
    learner: str
