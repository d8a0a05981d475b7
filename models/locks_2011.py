"""The lock of the RFC of November 2011 under which mappings change."""

from tenure.vocabulary.locks import Lock

DGATE = Lock("iommu.dgate", "mutex of the list of mappings of a metagroup")
