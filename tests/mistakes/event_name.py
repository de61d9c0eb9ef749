# expect: event_name.py:5: ResourceCompleted: "resource.completed" is no name for an event; use letters, digits, dashes and underscores
from freestone.contract import Event


class ResourceCompleted(Event, key="learner", name="resource.completed"):
    learner: str
