"""Additions that are imported only when their option is given."""
