"""TLS: profiles, keys, certificates, CRLs and the handshake."""
