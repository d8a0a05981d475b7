"""The tree of type1 before 7.2: balanced as the kernel's, and right wherever no end wraps."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from tenure.reference.dma import Range, overlap
from tenure.reference.dma.type1_tree import Node, Tree

TOP = 255


@dataclass(slots=True, eq=False)
class Held:
    """A mapping, as far as a tree is concerned."""

    range: Range


def heights(node: Node[Held] | None) -> set[int]:
    """How many black nodes there are on the ways down; each node is a child of its parent, and no red one of a red."""
    if node is None:
        return {0}
    for child in node.child:
        assert child is None or child.parent is node
        assert child is None or not (child.is_red and node.is_red)
    below = heights(node.child[0]) | heights(node.child[1])
    return {height + (not node.is_red) for height in below}


def shape(node: Node[Held] | None) -> object:
    """First bytes, as the tree has them; red ones in negative."""
    if node is None:
        return None
    first = -node.held.range.first if node.is_red else node.held.range.first
    low, high = shape(node.child[0]), shape(node.child[1])
    return first if low is high is None else (low, first, high)


def grown(*firsts: int) -> tuple[Tree[Held], list[Held]]:
    """A tree of single bytes, inserted in this order."""
    tree, held = Tree[Held](8), [Held(Range(first, first)) for first in firsts]
    for one in held:
        tree.insert(one)
    return tree, held


@settings(max_examples=150, derandomize=True, database=None)
@given(st.lists(st.integers(0, TOP), unique=True, max_size=24), st.lists(st.integers(0, 23), max_size=24))
def test_whatever_comes_and_goes_the_tree_is_in_order_and_in_balance(firsts: list[int], gone: list[int]) -> None:
    """Every way down has as many black nodes, after each step."""
    tree, held = grown(*firsts)
    for number in gone:
        if number < len(held):
            tree.remove(held.pop(number))
            assert tree.root is None or not tree.root.is_red
            assert len(heights(tree.root)) == 1
            assert [one.range.first for one in tree] == sorted(one.range.first for one in held)


@pytest.mark.parametrize(
    ("firsts", "expected"),
    [
        ((1, 2, 3), (-1, 2, -3)),
        ((3, 1, 2), (-1, 2, -3)),
        ((1, 2, 3, 4), (1, 2, (None, 3, -4))),
        ((1, 2, 3, 4, 5), (1, 2, (-3, 4, -5))),
        ((1, 2, 3, 4, 5, 6), (1, 2, (3, -4, (None, 5, -6)))),
        ((1, 2, 3, 4, 5, 6, 7, 8), ((1, -2, 3), 4, (5, -6, (None, 7, -8)))),
    ],
)
def test_the_shapes_are_those_of_the_textbook(firsts: tuple[int, ...], expected: object) -> None:
    """Whose algorithm the kernel's is."""
    assert shape(grown(*firsts)[0].root) == expected


def test_who_goes_is_replaced_by_the_next_one() -> None:
    """In the place, and in the colour."""
    tree, held = grown(1, 2, 3, 4, 5)

    tree.remove(held[1])
    assert shape(tree.root) == (1, 3, (None, 4, -5))
    tree.remove(held[0])
    assert shape(tree.root) == (3, 4, 5)


RANGES = st.builds(
    lambda first, more: Range(first, min(first + more, TOP - 1)), st.integers(0, TOP - 1), st.integers(0, 30)
)


@settings(max_examples=150, derandomize=True, database=None)
@given(st.lists(RANGES, max_size=12), RANGES)
def test_where_nothing_ends_at_the_top_the_look_ups_are_right(ranges: list[Range], asked: Range) -> None:
    """As plain comparison has it."""
    tree, held = Tree[Held](8), list[Held]()
    for r in ranges:
        if not any(overlap(r, one.range) for one in held):
            held.append(Held(r))
            tree.insert(held[-1])
    right = sorted((one for one in held if overlap(one.range, asked)), key=lambda one: one.range)
    length = asked.last - asked.first + 1

    assert (tree.find(asked.first, length) is not None) == bool(right)
    assert tree.walk(asked.first, length) == right


def test_a_mapping_at_the_top_is_not_found_and_neither_is_what_ends_there() -> None:
    """The byte after is 0."""
    tree = Tree[Held](8)
    top, low = Held(Range(240, TOP)), Held(Range(0, 9))
    tree.insert(top)
    tree.insert(low)

    assert tree.find(240, 16) is tree.find(240, 1) is None
    assert tree.walk(0, 255) == tree.walk(240, 16) == []
    assert tree.walk(0, 250) == []
    tree.remove(top)
    assert tree.walk(0, 250) == [low]


def test_of_two_that_begin_alike_the_later_comes_first() -> None:
    """It goes to the left."""
    tree, held = grown(7, 7)

    assert list(tree) == held[::-1]


def test_a_look_up_that_ends_at_the_top_does_not_find_what_lies_below_either() -> None:
    """It turns left everywhere."""
    tree = Tree[Held](8)
    below = Held(Range(230, 245))
    tree.insert(below)

    assert tree.find(240, 16) is None
    assert tree.find(240, 15) is below
