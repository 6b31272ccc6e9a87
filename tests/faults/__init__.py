"""Proof under faults: writers and readers in processes of their own, on a ring that misbehaves.

``checker.py`` says what must hold, and is tested itself. ``worker.py`` is the child process,
``workers.py`` is what its parent holds of it, ``scenarios.py`` has one function for each fault.
``test_faults.py`` runs each of them once, ``python -m tests.faults.soak`` as long as it is told.
"""
