"""Measure the receiver beside the reference, pynetdicom and the machine's limit: ``python3 -m bench``."""
