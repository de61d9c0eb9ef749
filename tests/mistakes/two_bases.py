# expect: two_bases.py:9: Progress: a contract can't derive from Catalog as well; let Contract be its only base
from freestone.contract import Contract


class Catalog(Contract):
    """Learning paths."""


class Progress(Catalog, Contract):
    """How far each learner is."""
