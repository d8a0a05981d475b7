"""The container's list of groups: a node that is linked or unlinked twice is noticed."""

from __future__ import annotations

import pytest

from tenure.reference.containers import Container
from tenure.reference.groups import IommuGroup, VfioGroup


@pytest.fixture
def group() -> VfioGroup:
    """A group in no list."""
    return IommuGroup(0, no_iommu=False).vfio


def test_a_node_linked_once_and_unlinked_once_is_clean(group: VfioGroup) -> None:
    """As often as one likes."""
    container = Container(0)

    assert container.link(group, [container])
    assert container.unlink(group)
    assert container.link(group, [container])


def test_a_node_linked_twice_corrupts_the_list(group: VfioGroup) -> None:
    """It is in the list once, for it has one pair of pointers."""
    container = Container(0)
    container.link(group, [container])

    assert not container.link(group, [container])
    assert container.group_list == [group]


def test_a_node_linked_into_a_second_list_corrupts_both(group: VfioGroup) -> None:
    """Both lists lead to it."""
    first, second = Container(0), Container(1)
    first.link(group, [first, second])

    assert not second.link(group, [first, second])
    assert (first.group_list, second.group_list) == ([group], [group])


def test_a_node_unlinked_twice_corrupts_the_list(group: VfioGroup) -> None:
    """The second time it is not there."""
    container = Container(0)
    container.link(group, [container])
    container.unlink(group)

    assert not container.unlink(group)
