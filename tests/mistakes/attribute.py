# expect: attribute.py:6: Progress.limit: a contract has no attributes; declare it in the service that keeps it
from freestone.contract import Contract


class Progress(Contract):
    limit: int
