"""Properties: the rules as named, true sentences, and the races that break them."""

from collections.abc import Mapping

from tenure.properties import (
    cdev,
    containers,
    external,
    harm,
    headlines,
    interrupts,
    kvm,
    metagroups,
    objects,
    ownership,
    paged,
    ranges,
    releases,
    viability,
)
from tenure.properties.races import RACES
from tenure.vocabulary.properties import Property

PROPERTIES: tuple[Property, ...] = (
    *headlines.PROPERTIES,
    *releases.PROPERTIES,
    *containers.PROPERTIES,
    *viability.PROPERTIES,
    *ownership.PROPERTIES,
    *external.PROPERTIES,
    *ranges.PROPERTIES,
    *paged.PROPERTIES,
    *interrupts.PROPERTIES,
    *kvm.PROPERTIES,
    *metagroups.PROPERTIES,
    *objects.PROPERTIES,
    *cdev.PROPERTIES,
    *harm.PROPERTIES,
)

IN_PLACE_OF: Mapping[str, str] = {"ISO-2": "ISO", "FREE-2": "FREE", "RFC-3": "ISO", "RFC-4": "ISO", "RFC-8": "FREE"}
"""What says the same, or a part of it, of systems that do not show what the other speaks of."""

__all__ = ["IN_PLACE_OF", "PROPERTIES", "RACES"]
