"""Names that the command line and the log share: of loggers, and of the variable that debugs logging.

They stand alone because the command line needs them before it may load the log.
"""

from __future__ import annotations

__all__ = ["APPLICATION", "DCMDATA", "DCMNET", "DCMTLS", "DEBUG_VARIABLE"]

APPLICATION = "dcmtk.apps.dcmrecv"
DCMDATA = "dcmtk.dcmdata"
DCMNET = "dcmtk.dcmnet"
DCMTLS = "dcmtk.dcmtls"

DEBUG_VARIABLE = "DCMTK_LOG4CPLUS_LOGLOG_DEBUGENABLED"
"""With this in the environment log4cplus reports what it does (spec/logging.md A.9)."""
