"""A patient management system: admissions, transfers and discharges as a stream of events."""
