"""The pure upper layer acceptor: bytes in, events out. No sockets, files, clocks, threads or logging."""
