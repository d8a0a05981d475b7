"""Modules of drivers: what keeps one loaded is a count of references."""

from __future__ import annotations


class Module:
    """A driver's struct module; its code is there as long as it is live."""

    __slots__ = ("is_live", "module_references")

    def __init__(self) -> None:
        self.is_live = True
        """The module is loaded, and its removal has not begun."""
        self.module_references = 0

    def try_get(self) -> bool:
        """Keep the module loaded, if it still is (try_module_get)."""
        if self.is_live:
            self.module_references += 1
        return self.is_live

    def put(self) -> None:
        """Let the module go (module_put)."""
        self.module_references -= 1
