"""Every message about a connection, in one place: the reference's log lines as templates.

Those of the start are `dcmrecv.cli.messages`; causes of errors come with the events, from `dcmrecv.core`.

Texts are DCMTK 3.6.8's (spec/network.md f.1, spec/storage.md section 1, spec/logging.md A.5) and are
interface: wrappers read them. ``str.format`` fields are named by what goes in. Bytes from the wire enter as
the text `dcmrecv.text.from_bytes` makes of them. Nothing in here decides when a line is printed;
`dcmrecv.log.dcmtk_lines` and its callers do.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from dcmrecv import remarks as r
from dcmrecv.text import printable

# -- waiting -------------------------------------------------------------------------------------------

UNUSABLE_DICTIONARY: Final = (
    "the data dictionary named by DCMDICTPATH lacks the command elements (0000,xxxx): "
    "every association is aborted"
)
"""Ours, once: the reference aborts without a word above debug level (docs/differences.md)."""
ODD_RECEIVE_LENGTH: Final = "ASSOC: PDV receive length {length} is odd (using {used})"

CUT_OFF: Final = "Stopped while receiving {instance} from {calling} at {host}: the object is not stored"
CRASHED: Final = "internal error, the association is ended: {kind}: {text}"
"""Ours: a mistake in this program, with the place of it at debug level."""
UNREADABLE_VARIABLE: Final = "DUL: cannot parse environment variable {name}={value}"
BUFFER_LENGTH: Final = "DUL: setting TCP buffer length to {length} bytes"
NO_DELAY: Final = "DUL: disabling Nagle algorithm as requested at runtime (TCP_NODELAY={value})"

# -- association -----------------------------------------------------------------------------------------

CONNECTED: Final = (
    "Association Received: {host}",
    "setting network send timeout to 60 seconds",
    "setting network receive timeout to 60 seconds",
)
HEX_DUMP_HEAD: Final = "PDU Type: Associate Request, PDU Length: {length} + 6 bytes PDU header"
HEX_DUMP_CUT: Final = "Only dumping 512 bytes."
PARSING_REQUEST: Final = "Parsing an A-ASSOCIATE PDU"
REQUEST_UNUSABLE: Final = "Could not receive association request: {reason}"
REQUEST_RECEIVED: Final = "Association Received {host}: {calling} -> {called}"
REQUEST_DUMP_TITLE: Final = "Incoming Association Request:"
WRONG_CALLED_TITLE: Final = "Called AE Title does not match configured AE Title: {title}"
NO_CONTEXTS: Final = "No Acceptable Presentation Contexts"
REFUSING: Final = "Refusing Association ({reason})"
CONSTRUCTING_ACCEPT: Final = "Constructing Associate AC PDU"
ACKNOWLEDGED: Final = "DcmSCP: Association Acknowledged"
ACKNOWLEDGED_LENGTH: Final = "Association Acknowledged (Max Send PDV: {length})"
RELEASE_REQUESTED: Final = "Received Association Release Request"
ABORT_RECEIVED: Final = "Received Association Abort Request"
TERMINATED: Final = ("DcmSCP: Association Terminated", "+++++++++++++++++++++++++++++")
DIMSE_ERROR: Final = "DIMSE Error, detail (if available): {causes}"

REFUSALS: Final = {
    "BAD_APPLICATION_CONTEXT": "bad application context",
    "CALLED_AE_TITLE_NOT_RECOGNIZED": "called AE title not recognized",
    "CALLING_AE_TITLE_NOT_RECOGNIZED": "calling AE title not recognized",
    "LOCAL_LIMIT_EXCEEDED": "too many associations",
    "NO_ACCEPTABLE_PRESENTATION_CONTEXTS": "no acceptable presentation contexts",
}
"""Reason in `REFUSING` by the name of the `dcmrecv.core.events.RejectReason`."""

# -- DIMSE -----------------------------------------------------------------------------------------------

READING: Final = 'DcmDataset::read() TransferSyntax="{name}"'
ECHO_REQUEST: Final = "Received C-ECHO Request"
ECHO_REQUEST_INFO: Final = "Received C-ECHO Request (MsgID {message_id})"
ECHO_RESPONSE: Final = "Sending C-ECHO Response"
ECHO_RESPONSE_INFO: Final = "Sending C-ECHO Response ({status})"
ECHO_RESPONSE_SENT: Final = "C-ECHO Response successfully sent"
STORE_REQUEST: Final = "Received C-STORE Request"
STORE_REQUEST_INFO: Final = "Received C-STORE Request (MsgID {message_id})"
STORE_RESPONSE: Final = "Sending C-STORE Response"
STORE_RESPONSE_INFO: Final = "Sending C-STORE Response ({status})"
STORE_RESPONSE_FAILED: Final = "Failed sending C-STORE response: {causes}"
ECHO_RESPONSE_FAILED: Final = "Cannot send C-ECHO Response: {causes}"
DIMSE_WARNING: Final = "DIMSE Warning: ({calling},{called}): {text}"
DATA_SET_RECEIVED: Final = "Received dataset on presentation context {context_id}"
DATA_SET_STORED_DIRECTLY: Final = (
    "Received dataset on presentation context {context_id} and stored it directly to file"
)
DATA_SET_UNREADABLE: Final = "DIMSE receiveDataSetInMemory: dset->read() Failed ({reason})"
DATA_SET_NOT_RECEIVED: Final = "Unable to receive dataset on presentation context {context_id}: {causes}"
STORE_DATA_SET_NOT_RECEIVED: Final = "Unable to receive C-STORE dataset on presentation context {context_id}"
CONTEXTS_DIFFER: Final = "Presentation Context ID of command ({context_id}) and data set ({data_set}) differs"
IGNORING_DATA_SET: Final = "Ignoring incoming dataset and returning an error status to the SCU"

STATUS_SHORT: Final = {
    0x0000: "Success",
    0xA700: "Refused: OutOfResources",
    0xC000: "Error: CannotUnderstand",
}
"""Statuses in the info lines; dumps spell them differently (`dcmrecv.log.status_texts`)."""

# -- storage ---------------------------------------------------------------------------------------------

NAME_BEFORE_RECEPTION: Final = "generated filename for object to be received: {path}"
NAME_AFTER_RECEPTION: Final = "generated filename for received object: {path}"
OVERWRITING: Final = "file already exists, overwriting: {path}"
NO_NAME: Final = "cannot generate directory or file name for {object}: {reason}"
NO_DIRECTORY: Final = "cannot create directory for {object}: {path}: {reason}"
NOT_STORED: Final = "cannot store received object: {path}: {reason}"
PROCESSING_STORE: Final = "checking and processing C-STORE request"
STORED: Final = "Stored received object to file: {path}"
IGNORED: Final = "received dataset is not stored since the storage mode is set to 'ignore'"
CANNOT_CREATE_STREAM: Final = "0006:020a DIMSE createFilestream: cannot create file '{path}'"
CANNOT_WRITE_FILE: Final = "0006:020a DIMSE receiveDataSetInFile: Cannot write to file"

META_VERSION: Final = "DcmFileFormat::checkMetaHeaderValue() Version of MetaHeader is ok: 0x0001"
META_CLASS: Final = "DcmFileFormat::checkMetaHeaderValue() use SOPClassUID [{uid}] from Dataset"
META_NO_CLASS: Final = (
    "DcmFileFormat::checkMetaHeaderValue() no SOPClassUID in Dataset, using PrivateGenericFileSOPClass"
)
META_INSTANCE: Final = "DcmFileFormat::checkMetaHeaderValue() use SOPInstanceUID [{uid}] from Dataset"
META_NEW_INSTANCE: Final = "DcmFileFormat::checkMetaHeaderValue() use new generated SOPInstanceUID [{uid}]"
META_SYNTAX: Final = (
    "DcmFileFormat::checkMetaHeaderValue() use new TransferSyntaxUID [{name}] on writing following Dataset"
)
META_VALID: Final = "DcmFileFormat::validateMetaInfo() found 7 Elements in DcmMetaInfo 'metinf'"

ABSENT_ROLE: Final = "Default"

# -- remarks (`dcmrecv.remarks`) -----------------------------------------------------------------------

REMARKS: Final[dict[r.RemarkKind, str]] = {
    r.MAX_LENGTH_ITEM: "Invalid length ({0}) for maximum length item, must be 4",
    r.ROLE_UID_LENGTH: "Provided role SOP Class UID length {0} is larger than maximum allowed UID length 64"
    " (will use 64 bytes max)",
    r.ROLE_BOTH_ZERO: "DULFSM: both role fields are 0 in SCP/SCU role selection sub-item",
    r.ROLE_REFUSED: "ASSOC: SCP/SCU role selection failed, Default role (i.e. SCU) proposed but only SCP role"
    " configured for acceptance",
    r.ROLE_NONE: "setting accepted SCP/SCU role to NONE, i.e. both role fields are 0 in SCP/SCU role selection"
    " sub-item",
    r.SYNTAX_UNKNOWN: "Presentation Context {0} refused: it is not known how data sets in transfer syntax {1}"
    " are encoded",
    r.SEND_LENGTH_ODD: "ASSOC: PDV send length {0} is odd (using {1})",
    r.SEND_LENGTH_SMALL: "ASSOC: PDV send length too small, using DUL to split larger PDVs.",
    r.SEND_LENGTH_DEFAULT: "ASSOC: PDV send length {0} (using default)",
    r.REQUEST_TOO_LONG: "A-ASSOCIATE PDU too large: {0} bytes, refusing.",
    r.NO_AP_TITLE: "Illegal service parameter: {0} AP Title",
    r.TOO_MANY_SYNTAXES: "0006:0103 ASC Coding error in ASC_getPresentationContext: too many transfer syntaxes",
    r.NO_STORAGE_COMMAND: "cannot handle this kind of DIMSE command (0x{0:04x}), we are a Storage SCP only",
    r.NO_DATA_SET: "DIMSE Warning: ({calling},{called}): {0}: DataSetType == NULL",
    r.DATA_SET: "DIMSE Warning: ({calling},{called}): {0}: DataSetType != NULL",
    r.BAD_INSTANCE_UID: "DIMSE Warning: ({calling},{called}): {0}: AffectedSOPInstanceUID: bad size",
    r.UNKNOWN_SEQUENCE: "Found element {tag} with VR UN and undefined length, "
    "reading a sequence with transfer syntax LittleEndianImplicit (CP-246)",
    r.NO_SEQUENCE_DELIMITER: "DcmSequenceOfItems: Parse error in sequence {tag}, "
    "found {tag1} instead of sequence delimiter (fffe,e0dd)",
    r.NO_SUB_ITEM: "DcmSequenceOfItems::readSubItem() cannot create Sub Item {tag}",
    r.ELEMENT_ORDER: "DcmItem: Dataset not in ascending tag order, at element {tag}",
    r.ELEMENT_TWICE: "DcmItem: Element {tag} found twice in one data set or item, ignoring second entry",
    r.ELEMENT_ODD: "DcmItem: Length of element {tag} is odd",
    r.ELEMENT_INVALID: "DcmItem: Invalid Element {tag} found in data set",
    r.ELEMENT_CUT: "DcmElement: {keyword} {tag} larger ({1}) than remaining bytes ({2}) in file,"
    " premature end of stream",
    r.ELEMENT_LOST: "DcmElement: {keyword} {tag} larger ({1}) than remaining bytes in file",
    r.MORE_REMARKS: "DcmItem: further messages about this data set are not shown",
    r.NO_MULTIPLE: "DcmItem: Length of element {tag} is not a multiple of {1} (VR={2})",
    r.ODD_ITEM: "DcmSequenceOfItems: Length of item in sequence {keyword} {tag} is odd",
    r.UNKNOWN_VR: "DcmItem: Non-standard VR '{vr}' ({hex}) encountered while parsing element {tag},"
    " assuming {2} byte length field",
    r.VR_OX: "DcmItem: Non-standard VR 'OX' is known to be wrongly used for PixelData {tag}, setting VR to 'OW'",
    r.VR_CHOSEN: "DcmItem::checkAndUpdateVR() setting undefined VR of {keyword} {tag} to '{1}'",
    r.VR_CHOSEN_BY_SIGN: "DcmItem::checkAndUpdateVR() setting undefined VR of {keyword} {tag} to '{2}'"
    " because PixelRepresentation {tag1} has a value {kind} 1",
    r.VR_CHOSEN_BY_BITS: "DcmItem::checkAndUpdateVR() setting undefined VR of {keyword} {tag} to '{2}'"
    " because WaveformBitsAllocated {tag1} has a value {kind} 8",
    r.GROUP_LENGTH_CORRECTED: "DcmItem: Group Length with VR other than UL found, corrected",
    r.ITEM_TOO_SHORT: "DcmItem: Explicit item length ({0} bytes) too large for the elements contained in the item",
    r.DELIMITED_TOO_EARLY: "DcmItem: Sequence delimitation occurred before all bytes announced by explicit item"
    " length could be read",
    r.LARGER_THAN_ITEM: "DcmItem: Element {keyword} {tag} larger ({1}) than remaining bytes ({2}) of surrounding"
    " item",
    r.WRONG_ELEMENT: "DcmItem: Parse error while parsing element {tag}",
    r.NO_ITEM_DELIMITER: "DcmItem: Parse error in sequence item, found {tag} instead of item delimiter (fffe,e00d)",
    r.NO_SUB_ELEMENT: "DcmItem::readSubElement() cannot create Sub Element {tag}",
    r.NESTING_TOO_DEEP: "DcmSequenceOfItems: Maximum nesting depth ({1}) exceeded while parsing sequence"
    " {keyword} {tag}",
    r.SEQUENCE_NOT_ENDED: "DcmSequenceOfItems: Reached end of stream before the end of sequence {keyword} {tag}",
    r.STRING_NOT_LOADED: "DcmByteString: Element {keyword} {tag} has odd maximum length (4294967295) and therefore"
    " is not loaded",
    r.ELEMENT_NOT_LOADED: "DcmElement: {keyword} {tag} has odd maximum length (4294967295) and therefore is not"
    " loaded",
    r.EXPLICIT_VOI_LUT: "DcmItem: VOI LUT Sequence with VR=OW and explicit length encountered.",
    r.UNDEFINED_LENGTH: "DcmItem: Parse error in {tag}: {1}",
    r.NATIVE_PIXEL_DATA: "Found explicit length Pixel Data in top level dataset with transfer syntax {name}:"
    " Only undefined length permitted",
}
"""Text by kind.

Numbers stand for the arguments of the remark; ``{tag}`` and ``{keyword}`` are those of the first argument,
``{tag1}`` that of the second; ``{calling}`` and ``{called}`` are the titles of the association. ``{hex}`` are the
bytes of the second argument, ``{vr}`` those with blanks for control characters;
``{kind}`` says whether the fourth is true, ``{name}`` is that of a transfer syntax.
"""

OPERATOR_LINES: Final = {
    "OutputDirectoryRemade": "output directory {path} had vanished and was made again",
    "OutputFileSystemChanged": "output directory {path} is on another file system than before (not mounted?)",
    "SpoolBehind": "spool {path}: cannot write, will try again: {reason}",
    "SpoolCaughtUp": "spool {path}: lines are written again, {lost} were lost",
    "SpoolLost": "spool {path}: {lost} lines could not be written and are lost",
}
"""Warnings about the receiver by the event's name; the fields are the event's. Not lines of the reference."""


def tag_text(tag: int) -> str:
    """Return *tag* as the reference prints it."""
    return "(????,????)" if tag == 0xFFFFFFFF else f"({tag >> 16:04x},{tag & 0xFFFF:04x})"


def remark_text(
    remark: r.Remark,
    keyword: Callable[[int, int], str],
    calling: str = "",
    called: str = "",
    syntax_name: Callable[[bytes], str] = printable,
) -> str:
    """Return the text of *remark*; *keyword* names the element of a group and element number."""
    kind, args = remark
    template = REMARKS[kind]
    values = {"calling": calling, "called": called}
    first, second = (*args, None, None)[:2]
    if isinstance(first, int):
        values["tag"] = tag_text(first)
        if "{keyword}" in template:
            values["keyword"] = keyword(first >> 16, first & 0xFFFF)
    if isinstance(second, int):
        values["tag1"] = tag_text(second)
    if isinstance(second, bytes):
        values["vr"] = printable(bytes(max(byte, 0x20) for byte in second))
        values["hex"] = "\\".join(f"{byte:02x}" for byte in second)
    if "{kind}" in template:
        values["kind"] = "of" if args[3] else "that is different from"
    if "{name}" in template and isinstance(first, bytes):
        values["name"] = syntax_name(first)
    shown = [printable(each) if isinstance(each, bytes) else each for each in args]
    return template.format(*shown, **values)
