# expect: upcast_with_a_gap.py:5: ResourceCompleted: it has upcasters, and none from version 3; declare @upcast(from_version=3)
from freestone.contract import Event, upcast


class ResourceCompleted(Event, key="learner", version=4):
    learner: str
    minutes: int

    @upcast(from_version=2)
    @staticmethod
    def with_minutes(fields):
        return {**fields, "minutes": 0}
