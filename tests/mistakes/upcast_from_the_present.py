# expect: upcast_from_the_present.py:11: ResourceCompleted.with_minutes: it upcasts from version 1, and ResourceCompleted has version 1; say version=2 at the class
from freestone.contract import Event, upcast


class ResourceCompleted(Event, key="learner", version=1):
    learner: str
    minutes: int

    @upcast(from_version=1)
    @staticmethod
    def with_minutes(fields):
        return {**fields, "minutes": 0}
