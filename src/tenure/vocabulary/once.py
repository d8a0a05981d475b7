"""Once: what an object says of itself is computed when it is first asked, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar, overload

Value = TypeVar("Value")


class Once(Generic[Value]):
    """A property that is computed once an object; `functools.cached_property` takes a lock for it before Python 3.12, and terms are many."""

    def __init__(self, compute: Callable[[Any], Value]) -> None:
        self.compute = compute
        self.name = compute.__name__
        self.__doc__ = compute.__doc__

    @overload
    def __get__(self, one: None, owner: type) -> Once[Value]: ...

    @overload
    def __get__(self, one: object, owner: type) -> Value: ...

    def __get__(self, one: object | None, owner: type) -> Once[Value] | Value:
        if one is None:
            return self
        found = one.__dict__[self.name] = self.compute(one)
        return found
