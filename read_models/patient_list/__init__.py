"""The patient list: everybody who was ever admitted, by name; filtered, searched, and counted.

A page begins behind, or ends before, a patient whom the page beside it has shown. That patient's id
says which: a name in an address would end up in the logs of proxies.

Bounds, at some 300 bytes for an entry: a partition of ``patients`` has the patients under one
letter. The most frequent letter has an eighth of all names, so that it has 100 MB at some three
million patients. One of ``on_ward`` has a ward's present patients. One of ``parts`` has all places
in all names at which one letter stands, at most 60 bytes each: 100 MB at some one million patients.
"""

from read_models.patient_list.queries import Page, PatientList
from read_models.patient_list.rows import MODEL, Listed, Patient, fold, rows

__all__ = ["MODEL", "Listed", "Page", "Patient", "PatientList", "fold", "rows"]
