"""What every ``Transport`` does, however it carries a call.

A driver is a ``Place``: given services by name, it serves them for a block and gives a transport to each. Each check
is a coroutine function that takes one; ``CHECKS`` has them all::

    @pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
    async def test_my_transport_keeps_the_rules(check):
        await check(my_place)
"""

from .checks import CHECKS, SENDING_CHECKS
from .context import (
    check_a_command_has_a_key,
    check_a_context_field_crosses,
    check_a_key_may_be_given,
    check_a_trace_crosses,
    check_a_trace_of_somebody_else_crosses,
    check_identity_crosses,
    check_the_callers_context_stays,
)
from .endings import (
    check_a_callee_inherits_what_is_left,
    check_a_callee_of_a_callee_is_cancelled_at_the_deadline,
    check_a_deadline_can_be_lifted,
    check_a_deadline_that_has_passed_begins_nothing,
    check_a_result_over_its_deadline_is_an_error,
    check_a_task_of_its_own_is_under_the_deadline_too,
    check_cancelling_the_caller_cancels_the_callee,
    check_every_call_has_a_deadline,
)
from .failures import (
    check_a_bug_arrives_as_internal,
    check_a_declared_error_arrives_as_itself,
    check_an_error_arrives_whatever_it_says,
    check_an_unknown_operation_is_unimplemented,
    check_canonical_errors_need_no_declaration,
)
from .place import Place
from .sending import (
    check_a_call_that_sends_ends_at_its_deadline,
    check_a_callee_need_not_take_every_item,
    check_a_stream_both_ways_that_is_closed_early_ends_both,
    check_an_error_amid_sent_items_arrives_as_itself,
    check_cancelling_a_caller_that_sends_ends_both,
    check_sent_big_items_arrive,
    check_sent_items_are_made_in_the_callers_context,
    check_sent_items_are_made_when_they_are_asked_for,
    check_sent_items_are_not_shared,
    check_sent_items_arrive_in_order,
    check_sent_items_go_no_faster_than_they_are_taken,
    check_streams_go_both_ways,
    check_what_the_maker_of_sent_items_raises_is_its_callers,
)
from .streams import (
    check_a_stream_arrives_in_order_and_ends,
    check_a_stream_begins_with_its_first_item,
    check_a_stream_ends_at_its_deadline,
    check_a_stream_goes_no_faster_than_its_reader,
    check_a_stream_may_end_with_an_error,
    check_a_stream_that_is_closed_early_ends_its_maker,
    check_cancelling_the_reader_of_a_stream_ends_its_maker,
    check_what_is_no_stream_is_refused,
)
from .values import (
    check_a_value_that_cant_cross_is_refused,
    check_big_values_arrive,
    check_many_calls_at_once,
    check_nothing_mutable_is_shared,
    check_results_arrive_as_they_were,
)

__all__ = [
    "CHECKS",
    "SENDING_CHECKS",
    "Place",
    "check_a_bug_arrives_as_internal",
    "check_a_call_that_sends_ends_at_its_deadline",
    "check_a_callee_inherits_what_is_left",
    "check_a_callee_need_not_take_every_item",
    "check_a_callee_of_a_callee_is_cancelled_at_the_deadline",
    "check_a_command_has_a_key",
    "check_a_context_field_crosses",
    "check_a_deadline_can_be_lifted",
    "check_a_deadline_that_has_passed_begins_nothing",
    "check_a_declared_error_arrives_as_itself",
    "check_a_key_may_be_given",
    "check_a_result_over_its_deadline_is_an_error",
    "check_a_stream_arrives_in_order_and_ends",
    "check_a_stream_begins_with_its_first_item",
    "check_a_stream_both_ways_that_is_closed_early_ends_both",
    "check_a_stream_ends_at_its_deadline",
    "check_a_stream_goes_no_faster_than_its_reader",
    "check_a_stream_may_end_with_an_error",
    "check_a_stream_that_is_closed_early_ends_its_maker",
    "check_a_task_of_its_own_is_under_the_deadline_too",
    "check_a_trace_crosses",
    "check_a_trace_of_somebody_else_crosses",
    "check_a_value_that_cant_cross_is_refused",
    "check_an_error_amid_sent_items_arrives_as_itself",
    "check_an_error_arrives_whatever_it_says",
    "check_an_unknown_operation_is_unimplemented",
    "check_big_values_arrive",
    "check_cancelling_a_caller_that_sends_ends_both",
    "check_cancelling_the_caller_cancels_the_callee",
    "check_cancelling_the_reader_of_a_stream_ends_its_maker",
    "check_canonical_errors_need_no_declaration",
    "check_every_call_has_a_deadline",
    "check_identity_crosses",
    "check_many_calls_at_once",
    "check_nothing_mutable_is_shared",
    "check_results_arrive_as_they_were",
    "check_sent_big_items_arrive",
    "check_sent_items_are_made_in_the_callers_context",
    "check_sent_items_are_made_when_they_are_asked_for",
    "check_sent_items_are_not_shared",
    "check_sent_items_arrive_in_order",
    "check_sent_items_go_no_faster_than_they_are_taken",
    "check_streams_go_both_ways",
    "check_the_callers_context_stays",
    "check_what_is_no_stream_is_refused",
    "check_what_the_maker_of_sent_items_raises_is_its_callers",
]
