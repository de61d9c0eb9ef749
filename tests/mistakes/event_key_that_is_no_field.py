# expect: event_key_that_is_no_field.py:5: ResourceCompleted: its key "student" is none of its fields; name one of them: learner, resource
from freestone.contract import Event


class ResourceCompleted(Event, key="student"):
    learner: str
    resource: str
