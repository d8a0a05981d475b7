"""What the systems with external users share: the views of a user, and calls that take no stale table names."""

from tenure.models import containers_2013, external_users, files
from tenure.vocabulary import observables as seen
from tenure.vocabulary.calls import Call
from tenure.vocabulary.systems import Definition, shows

CONTAINER_CALLS: tuple[Call, ...] = tuple(
    c.requiring(external_users.unseen(c.parameter("made"))) if c.name == "set_iommu" else c
    for c in containers_2013.CALLS_UNDER_USERS
)

DEFINITIONS: tuple[Definition, ...] = (
    *containers_2013.DEFINITIONS,
    shows(seen.user_process, lambda u: files.owner[u]),
    shows(seen.user_registered, lambda u: external_users.listens[u]),
    shows(seen.user_group, lambda u: external_users.seen_group[u]),
    shows(seen.user_container, lambda u: external_users.seen_container[u]),
    shows(seen.user_table, lambda u: external_users.seen_table[u]),
    shows(seen.user_keeps, lambda u, f: files.kept[u, f]),
)
