# expect: decorated_value.py:6: Progress.path: only a method can be an operation; decorate an async def
from freestone.contract import Contract, query


class Progress(Contract):
    path = query(len)
