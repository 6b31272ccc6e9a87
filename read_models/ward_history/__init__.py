"""The wards' history: who lay in a ward at a given moment, and how full it was over time.

Someone lies in a ward during [since, until): at ``since`` they are there, at ``until`` they are
not. What lasts is told by one row of the present; what is over, by one row in each month that it
touches. So a question about a moment reads one partition of each.

Times are those of the events, and events need not have one: such an event is taken to have happened
when the patient's last event with a time did. What began at no known time is not in the history.
Clocks differ: what would end before it began, ended when it began, and nobody saw it. Where clocks
differ, a patient may have lain in two wards at once; on the board the later event counts.

Bounds: the present of a ward has its present patients, and the tombstones of ten days' departures.
A month of a ward has whoever came or left in it, and who lay there throughout: some thousands of
rows, of 300 bytes each, in the busiest ward. The register has every ward that ever had somebody.
"""

from read_models.ward_history.queries import Occupant, WardHistory, WardThen
from read_models.ward_history.rows import MODEL, MOST_MONTHS, PAST, PRESENT, WARDS
from read_models.ward_history.steps import MOST_STEPS, Occupancy

__all__ = [
    "MODEL",
    "MOST_MONTHS",
    "MOST_STEPS",
    "PAST",
    "PRESENT",
    "WARDS",
    "Occupancy",
    "Occupant",
    "WardHistory",
    "WardThen",
]
