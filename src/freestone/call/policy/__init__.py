"""What a call may cost and where it goes: pure decisions, with time as an argument."""

from .deadline import Deadlines as Deadlines
