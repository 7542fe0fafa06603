"""Exit 0 if a DICOM receiver answers a C-ECHO, else 1: ``echo_check.py HOST PORT [CALLED]``."""

from __future__ import annotations

import sys

from pynetdicom import AE

VERIFICATION = "1.2.840.10008.1.1"


def main(host: str, port: str, called: str = "ANY-SCP") -> int:
    entity = AE("ECHO_CHECK")
    entity.connection_timeout = entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = 8
    entity.add_requested_context(VERIFICATION)
    association = entity.associate(host, int(port), ae_title=called)
    if not association.is_established:
        return 1
    status = association.send_c_echo()
    association.release()
    return 0 if status and status.Status == 0 else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
