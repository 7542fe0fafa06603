"""Association profile files (``-xf``)."""
