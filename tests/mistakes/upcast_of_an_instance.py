# expect: upcast_of_an_instance.py:10: ResourceCompleted.with_minutes: it is given no event, only fields; say @staticmethod below @upcast(…)
from freestone.contract import Event, upcast


class ResourceCompleted(Event, key="learner", version=2):
    learner: str
    minutes: int

    @upcast(from_version=1)
    def with_minutes(fields):
        return {**fields, "minutes": 0}
