"""What a call may cost and where it goes: pure decisions, with time as an argument."""

from .backoff import Backoff as Backoff
from .balance import least_of_two as least_of_two
from .deadline import Deadlines as Deadlines
from .habit import Habit as Habit
