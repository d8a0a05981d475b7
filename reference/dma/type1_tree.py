"""The tree of mappings before 7.2, and its look-ups, which compare the byte after the last: at the top of the space it is 0.

What they miss depends on where in the tree a mapping is, so the tree is kept as the kernel keeps it (lib/rbtree.c), red and
black. The words wrap here because they wrapped there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from tenure.reference.dma.ranges import Range, size


class Ranged(Protocol):
    """What a tree is ordered by."""

    range: Range


T = TypeVar("T", bound=Ranged)


@dataclass(slots=True, eq=False)
class Node(Generic[T]):
    """One mapping in the tree; its children are the one below and the one above."""

    held: T
    is_red: bool = True
    parent: Node[T] | None = None
    child: list[Node[T] | None] = field(default_factory=lambda: [None, None])

    def side(self) -> int:
        """Which child of its parent it is."""
        return 0 if self.parent is None or self.parent.child[0] is self else 1


class Tree(Generic[T]):
    """Mappings in order of their first bytes; of two that begin alike, the later one comes first."""

    def __init__(self, width: int) -> None:
        self.words = 1 << width
        self.root: Node[T] | None = None

    def __iter__(self) -> Iterator[T]:
        return (node.held for node in self._from(self.root))

    def find(self, first: int, length: int) -> T | None:
        """The mapping that a look-up of a range comes to."""
        node = self.root
        while node is not None:
            begin, end = node.held.range.first, self._end(node.held.range)
            if (first + length) % self.words <= begin:
                node = node.child[0]
            elif first >= end:
                node = node.child[1]
            else:
                return node.held
        return None

    def walk(self, first: int, length: int) -> list[T]:
        """The mappings that an unmap comes to: the first that ends after the range's first byte, and those after it."""
        node, found = self.root, None
        while node is not None:
            if first < self._end(node.held.range):
                found = node
                if first >= node.held.range.first:
                    break
                node = node.child[0]
            else:
                node = node.child[1]
        end = (first + length) % self.words
        if found is None:
            return []
        every = list(self)
        return [one for one in every[every.index(found.held) :] if one.range.first < end]

    def insert(self, held: T) -> None:
        """Put a mapping where its first byte belongs: its size is still 0 then, so nothing wraps."""
        node = Node(held)
        below, side = self.root, 0
        while below is not None:
            node.parent, side = below, 0 if held.range.first <= below.held.range.first else 1
            below = below.child[side]
        if node.parent is None:
            self.root = node
        else:
            node.parent.child[side] = node
        self._color(node)

    def remove(self, held: T) -> None:
        """Take a mapping out; where it has two children, the one after it comes in its place."""
        node = next(one for one in self._from(self.root) if one.held is held)
        if node.child[0] is not None and node.child[1] is not None:
            after = next(self._from(node.child[1]))
            node.held, node = after.held, after
        child = node.child[0] or node.child[1]
        if child is not None:
            child.is_red = False
        elif not node.is_red:
            self._lighten(node)
        self._replace(node, child)

    def _end(self, r: Range) -> int:
        """The byte after the last."""
        return (r.first + size(r)) % self.words

    def _from(self, node: Node[T] | None) -> Iterator[Node[T]]:
        """The nodes under one, in order."""
        if node is not None:
            yield from self._from(node.child[0])
            yield node
            yield from self._from(node.child[1])

    def _color(self, node: Node[T]) -> None:
        """No red node has a red parent: mend it from a new one upwards."""
        while node.parent is not None and node.parent.is_red and node.parent.parent is not None:
            parent, grand = node.parent, node.parent.parent
            side = parent.side()
            uncle = grand.child[1 - side]
            if uncle is not None and uncle.is_red:
                parent.is_red = uncle.is_red = False
                grand.is_red, node = True, grand
                continue
            if node.side() != side:
                self._rotate(parent, side)
                node, parent = parent, node
            parent.is_red, grand.is_red = False, True
            self._rotate(grand, 1 - side)
        if self.root is not None:
            self.root.is_red = False

    def _lighten(self, node: Node[T]) -> None:
        """Every way down has as many black nodes: mend it where a black one is about to go."""
        while node.parent is not None and not node.is_red:
            parent, side = node.parent, node.side()
            sibling = self._child(parent, 1 - side)
            if sibling.is_red:
                sibling.is_red, parent.is_red = False, True
                self._rotate(parent, side)
                sibling = self._child(parent, 1 - side)
            if not _is_red(sibling.child[0]) and not _is_red(sibling.child[1]):
                sibling.is_red, node = True, parent
                continue
            if not _is_red(sibling.child[1 - side]):
                self._child(sibling, side).is_red, sibling.is_red = False, True
                self._rotate(sibling, 1 - side)
                sibling = self._child(parent, 1 - side)
            sibling.is_red, parent.is_red = parent.is_red, False
            self._child(sibling, 1 - side).is_red = False
            self._rotate(parent, side)
            return
        node.is_red = False

    def _rotate(self, node: Node[T], side: int) -> None:
        """A node goes down to one side, and its child on the other comes up."""
        up = self._child(node, 1 - side)
        moved = up.child[side]
        self._replace(node, up)
        node.child[1 - side], up.child[side], node.parent = moved, node, up
        if moved is not None:
            moved.parent = node

    def _replace(self, node: Node[T], other: Node[T] | None) -> None:
        """Another stands where a node stood."""
        if node.parent is None:
            self.root = other
        else:
            node.parent.child[node.side()] = other
        if other is not None:
            other.parent = node.parent

    @staticmethod
    def _child(node: Node[T], side: int) -> Node[T]:
        """A child that must be there."""
        child = node.child[side]
        if child is None:
            raise LookupError("the tree is out of balance")
        return child


def _is_red(node: Node[T] | None) -> bool:
    """None is black."""
    return node is not None and node.is_red
