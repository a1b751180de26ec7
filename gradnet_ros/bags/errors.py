"""What is wrong with a bag."""

from __future__ import annotations

SALVAGE = "--salvage"
"""The option with which what can be read of a damaged bag is used."""


class BagError(ValueError):
    """A bag cannot be used as asked; the message names the file and what is wrong."""


class DamagedBagError(BagError):
    """A bag, or a file of it, is damaged; some of it may still be readable."""

    def __init__(self, where: object, what: str) -> None:
        super().__init__(f"{where}: {what}; {SALVAGE} uses what can still be read")
