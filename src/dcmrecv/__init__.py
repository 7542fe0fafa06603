"""dcmrecv: a faithful, faster, safer replacement for DCMTK's ``dcmrecv`` (Simple DICOM Storage SCP)."""

from dcmrecv._version import __version__

__all__ = ["__version__"]
