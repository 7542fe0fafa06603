"""Listening, accepting, threads, processes, deadlines, drain and signals."""
