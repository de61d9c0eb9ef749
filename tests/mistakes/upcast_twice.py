# expect: upcast_twice.py:16: ResourceCompleted.with_none: with_minutes upcasts from version 1 already; take one of them out
from freestone.contract import Event, upcast


class ResourceCompleted(Event, key="learner", version=2):
    learner: str
    minutes: int

    @upcast(from_version=1)
    @staticmethod
    def with_minutes(fields):
        return {**fields, "minutes": 0}

    @staticmethod
    @upcast(from_version=1)
    def with_none(fields):
        return {**fields, "minutes": 1}
