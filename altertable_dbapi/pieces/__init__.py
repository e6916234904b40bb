"""A table or query in pieces, each read in a session of its own: what parallel engines build on."""

from .access import Access
from .plan import Piece, Plan, plan

__all__ = ["Access", "Piece", "Plan", "plan"]
