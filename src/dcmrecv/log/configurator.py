"""From a logger configuration file to a tree of loggers with appenders (spec/logging.md A.1, A.3)."""

from __future__ import annotations

import os
import re

from dcmrecv.config import LoggingConfig, LogLevel
from dcmrecv.files import FileTooLarge, read_file
from dcmrecv.log.api import LogConfigError
from dcmrecv.log.appenders import Appender, AppenderContext, AsyncAppender, ConsoleAppender, NullAppender
from dcmrecv.log.descriptor_writer import DescriptorWriter
from dcmrecv.log.files import DailyRollingFileAppender, FileAppender, RollingFileAppender
from dcmrecv.log.hierarchy import Hierarchy, TreeLogger, TreeLogs
from dcmrecv.log.layouts import PatternLayout
from dcmrecv.log.levels import level_from_name
from dcmrecv.log.loglog import InternalLog
from dcmrecv.log.properties import MAX_FILE_SIZE, Properties, expand, predefined, read_settings

__all__ = ["configure", "load_settings"]

PREFIX = "log4cplus."
_SUBJECT = "Specified --log-config file "

_CLASSES: dict[str, type[Appender]] = {
    "log4cplus::ConsoleAppender": ConsoleAppender,
    "log4cplus::DailyRollingFileAppender": DailyRollingFileAppender,
    "log4cplus::FileAppender": FileAppender,
    "log4cplus::NullAppender": NullAppender,
    "log4cplus::RollingFileAppender": RollingFileAppender,
}


def load_settings(path: bytes) -> Properties:
    """Return the settings of the file *path*; raises `LogConfigError` in the reference's words."""
    if not path or b"\0" in path or not os.path.exists(path) or os.path.isdir(path):
        raise LogConfigError(_SUBJECT + "does not exist")
    try:
        data = read_file(path, MAX_FILE_SIZE)
    except FileTooLarge as error:
        raise LogConfigError(_SUBJECT + f"is {error.strerror}") from error
    except OSError as error:
        raise LogConfigError(_SUBJECT + "cannot be read") from error
    settings = read_settings(data)
    if not settings:
        raise LogConfigError(_SUBJECT + "does not contain any settings")
    if not settings.subset(PREFIX):
        raise LogConfigError(_SUBJECT + "does not contain any valid settings")
    if PREFIX + "rootLogger" not in settings:
        raise LogConfigError(_SUBJECT + "does not set up log4cplus.rootLogger")
    return settings


def _make_appender(name: str, options: Properties, context: AppenderContext) -> Appender | None:
    if name == "log4cplus::AsyncAppender":
        return AsyncAppender(options, context, _make_appender)
    factory = _CLASSES.get(name)
    if factory is None:
        from dcmrecv.log import network  # loaded on demand: few sites log to the network

        factory = network.CLASSES.get(name)
    return None if factory is None else factory(options, context)


def _tokens(value: str) -> list[str]:
    """Split at commas: blanks are removed, several commas count as one, a last one counts nothing."""
    parts = re.split(",+", value.replace(" ", ""))
    if parts[-1] == "":
        parts.pop()
    return parts


class _Configurator:
    def __init__(self, settings: Properties, hierarchy: Hierarchy) -> None:
        self._settings = settings
        self._hierarchy = hierarchy
        self._context = hierarchy.context
        self._internal = hierarchy.context.internal
        self._appenders: dict[str, Appender] = {}

    def run(self) -> None:
        self._check_root()
        self._make_appenders()
        if "rootLogger" in self._settings:
            self._configure(self._hierarchy.root, self._settings.get("rootLogger"))
        loggers = self._settings.subset("logger.")
        for name in loggers:
            self._configure(self._hierarchy.logger(name), loggers.get(name))
        additivity = self._settings.subset("additivity.")
        for name in additivity:
            logger = self._hierarchy.logger(name)
            logger.propagate = additivity.boolean(name, logger.propagate)
        used = {id(appender) for appender in self._hierarchy.appenders()}
        for appender in reversed(self._appenders.values()):
            if id(appender) not in used:
                appender.retire()

    def _check_root(self) -> None:
        """Refuse what makes the reference abort, before any file is touched."""
        tokens = _tokens(self._settings.get("rootLogger"))
        if tokens and (tokens[0] == "INHERITED" or level_from_name(tokens[0]) is None):
            raise LogConfigError(_SUBJECT + f'sets an invalid level for log4cplus.rootLogger: "{tokens[0]}"')

    def _make_appenders(self) -> None:
        appenders = self._settings.subset("appender.")
        for name in appenders:
            if "." in name:
                continue
            factory = appenders.get(name)
            appender = _make_appender(factory, appenders.subset(name + "."), self._context)
            if appender is None:
                self._internal.error(
                    f"PropertyConfigurator::configureAppenders()- Cannot find AppenderFactory: {factory}"
                )
            else:
                appender.name = name
                self._appenders[name] = appender

    def _configure(self, logger: TreeLogger, value: str) -> None:
        tokens = _tokens(value)
        if not tokens:
            self._internal.error(
                "PropertyConfigurator::configureLogger()- Invalid config string"
                f'(Logger = {logger.name}): "{value}"'
            )
            return
        level = None if tokens[0] == "INHERITED" else level_from_name(tokens[0])
        logger.setLevel(level or 0)
        for old in logger.appenders():
            logger.removeHandler(old)
            old.retire()
        for name in tokens[1:]:
            appender = self._appenders.get(name)
            if appender is None:
                self._internal.error(f"PropertyConfigurator::configureLogger()- Invalid appender: {name}")
            else:
                logger.addHandler(appender)


def _built_in_console(context: AppenderContext) -> Appender:
    appender = ConsoleAppender(Properties({"logToStdErr": "true"}), context)
    if not context.json:
        appender.set_layout(PatternLayout("%P: %m%n", context.internal))
    return appender


def configure(config: LoggingConfig, path: bytes, argv0: str) -> TreeLogs:
    """Return the loggers that the file *path* sets up. Raises `LogConfigError`.

    ``log4cplus.ndc = association`` is an addition: the association id becomes the nested diagnostic context
    (``%x``), and ``%X{association}`` and ``%X{peer}`` have values. The reference ignores the key.
    """
    settings = load_settings(path)
    out, err = DescriptorWriter(1), DescriptorWriter(2)
    internal = InternalLog(out, err)
    settings.update(predefined(argv0))
    expand(settings, internal.error)
    settings = settings.subset(PREFIX)
    internal.debugging = settings.boolean("configDebug", internal.debugging)
    internal.quiet = settings.boolean("quietMode", internal.quiet)
    context = AppenderContext(out, err, internal, argv0.rpartition("/")[2], config.json)
    hierarchy = Hierarchy(context)
    hierarchy.root.addHandler(_built_in_console(context))
    _Configurator(settings, hierarchy).run()
    logs = TreeLogs(hierarchy, ndc=settings.get("ndc") == "association")
    internal.quiet = hierarchy.root.level > LogLevel.ERROR
    return logs
