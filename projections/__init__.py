"""Projection workers: they follow the events and keep the read models that pages are made of.

Nothing here decides anything. What is written can be deleted and built again from the events.
"""
