"""A receiver: an AE and a `Config` turned into a listening, storing, stoppable server."""
