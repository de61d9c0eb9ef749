# expect: upcast_from_nothing.py:11: ResourceCompleted.with_minutes: it upcasts from version 0; count from 1
from freestone.contract import Event, upcast


class ResourceCompleted(Event, key="learner", version=2):
    learner: str
    minutes: int

    @upcast(from_version=0)
    @staticmethod
    def with_minutes(fields):
        return {**fields, "minutes": 0}
