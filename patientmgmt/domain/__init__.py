"""The patient domain: commands, events, rules. No I/O, no framework, no store."""
