"""The command line's receiver: opens the port, then loads and starts everything that serves it.

The port opens as early as the checks before it allow (design.md decided 8). Connections that arrive while the
engine is loaded, a few hundredths of a second, wait in the listen queue; without this order nobody could
connect for twice as long.
"""

from __future__ import annotations

from dcmrecv.server.listener import PortError, inherited_listener, open_listener

TYPE_CHECKING = False  # as in `dcmrecv.cli.program`
if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmrecv.config import Config
    from dcmrecv.dataset.dictionary import DataDictionary
    from dcmrecv.log import Logs
    from dcmrecv.observer import ReceiverObserver
    from dcmrecv.receiver.additions import Metrics
    from dcmrecv.tls import TlsServerContext

__all__ = ["PortError", "run"]


def run(
    config: Config,
    logs: Logs,
    observer: Callable[[], ReceiverObserver],
    *,
    tls: TlsServerContext | None,
    dictionary: Callable[[], DataDictionary] | None,
    metrics: Metrics | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT, drain, and end this process by that signal.

    *observer* is called once the port is open. *dictionary* None is the built-in one.

    Raises `PortError` if the port cannot be opened.
    """
    if config.logging.config_file is not None:
        import signal  # not on the way of a start without log configuration

        # from here on it means to reopen logs, also before anybody waits for it
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    listener = inherited_listener() or open_listener(config.network)
    story = observer()
    story.waiting()
    from dcmrecv.receiver.serving import serve  # only now, see above

    serve(config, logs, story, listener, tls=tls, dictionary=dictionary, metrics=metrics)
