"""What a call may cost and where it goes: pure decisions, with time as an argument."""

from .affinity import affinity as affinity
from .backoff import Backoff as Backoff
from .balance import Balancer as Balancer
from .balance import least_of_two as least_of_two
from .breaker import BREAKER_MOVES as BREAKER_MOVES
from .breaker import Breaker as Breaker
from .breaker import BreakerMove as BreakerMove
from .breaker import BreakerState as BreakerState
from .breaker import Breaking as Breaking
from .budget import RetryBudget as RetryBudget
from .call_policy import CallPolicy as CallPolicy
from .call_policy import Policies as Policies
from .chance import QuickChance as QuickChance
from .deadline import Deadlines as Deadlines
from .ejection import may_eject as may_eject
from .habit import Habit as Habit
from .hedge import Hedge as Hedge
from .quantile import Quantile as Quantile
from .replica import Balance as Balance
from .replica import Replica as Replica
from .retry import Retry as Retry
from .retry import Safety as Safety
from .retry import Stop as Stop
from .retry import next_attempt as next_attempt
from .retry import repeatable as repeatable
