"""The DCMTK command-line dialect."""
