"""Listening, accepting, workers, deadlines, drain and signals."""
