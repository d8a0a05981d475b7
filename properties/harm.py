"""HARM: what must never happen inside the kernel. A BUG that it raises itself is not among it: that is VIA-2."""

from tenure.vocabulary import observables as seen
from tenure.vocabulary.properties import always
from tenure.vocabulary.terms import Term, no


@always("HARM-1", "oops")
def nothing_follows_a_null_pointer() -> Term:
    """No step follows a NULL pointer."""
    return no(seen.harm.now == "null_dereference")


@always("HARM-2", "KASAN: use-after-free")
def nothing_is_used_after_it_was_freed() -> Term:
    """No step touches an object that is gone."""
    return no(seen.harm.now == "use_after_free")


@always("HARM-3", "CONFIG_DEBUG_LIST")
def no_list_node_is_linked_or_unlinked_twice() -> Term:
    """No group is put into a container's list while it is in one, or taken out of a list in which it is not."""
    return no(seen.harm.now == "list_corruption")


PROPERTIES = (
    nothing_follows_a_null_pointer,
    nothing_is_used_after_it_was_freed,
    no_list_node_is_linked_or_unlinked_twice,
)
