"""TLS: profiles, keys, certificates, CRLs and the handshake.

Its modules are imported where TLS is used: without ``+tls`` a receiver never loads ``ssl``.
"""
