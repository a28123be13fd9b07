# SPDX-License-Identifier: GPL-3.0-or-later
"""The application: single instance, style, opening the library in the background, orderly shutdown."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, Qt, QTimer, QTranslator, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication

from semantic_photos import translation
from semantic_photos.domain.errors import CatalogError, UserFacingError
from semantic_photos.domain.settings import SYSTEM_LANGUAGE, Settings
from semantic_photos.gui.bridge import Bridge
from semantic_photos.gui.shell import fonts
from semantic_photos.gui.shell.garbage_collection import GarbageCollection
from semantic_photos.gui.shell.main_window import MainWindow
from semantic_photos.gui.shell.single_instance import SingleInstance
from semantic_photos.gui.shell.unix_signals import SignalListener
from semantic_photos.gui.widgets import theme
from semantic_photos.gui.widgets.idle_tasks import IdleTasks
from semantic_photos.paths import Paths, resources

if TYPE_CHECKING:
    from semantic_photos.services.library.facade import PhotoLibrary

_log = logging.getLogger(__name__)

#: ``dark`` or ``light`` overrides the system's colour scheme, for tests and screenshots.
SCHEME_VARIABLE = "SEMANTIC_PHOTOS_SCHEME"
#: After so long the program ends without waiting further, for instance for a drive that does not answer.
LAST_WAIT_MS = 15_000

Factory = Callable[[], "PhotoLibrary"]


class Session(QObject):
    """One window and one library, from opening to closing.

    Signals:
        ended: everything is closed.

    Thread: lives in the GUI thread; the library is opened and closed on plain threads, which only emit.
    """

    ended = Signal()
    _opened = Signal(object, object)
    _closed = Signal()
    _uncaught = Signal(object)

    def __init__(
        self,
        factory: Factory,
        folders: Sequence[Path],
        recover: Callable[[], object] | None,
        settings: Settings | None = None,
    ) -> None:
        super().__init__()
        self._factory, self._folders, self._recover = factory, list(folders), recover
        self._library: PhotoLibrary | None = None
        self._bridge: Bridge | None = None
        self._collecting: GarbageCollection | None = None
        self._icons: IdleTasks | None = None
        self._thread: threading.Thread | None = None
        self._ending = False
        self._last_wait = QTimer(self)
        self._last_wait.setSingleShot(True)
        self._last_wait.setInterval(LAST_WAIT_MS)
        self._last_wait.timeout.connect(self._give_up)
        self.window = MainWindow(settings)
        self.window.close_requested.connect(self.close)
        self._opened.connect(self._on_opened, Qt.ConnectionType.QueuedConnection)
        self._closed.connect(self._on_closed, Qt.ConnectionType.QueuedConnection)
        self._uncaught.connect(self.window.show_error, Qt.ConnectionType.QueuedConnection)

    def start(self) -> None:
        """Show the window and open the library in the background."""
        self.window.show_opening()
        self.window.show()
        # Meanwhile this thread is idle, and the library page has many icons.
        self._icons = IdleTasks(theme.icon_tasks(), self)
        self._open(first=None)

    def _open(self, first: Callable[[], object] | None) -> None:
        self.window.show_opening()

        def work() -> None:
            try:
                if first is not None:
                    first()
                library: object = self._factory()
                error: Exception | None = None
            except Exception as problem:  # noqa: BLE001  # the root of a thread
                library, error = None, problem
                if not isinstance(problem, UserFacingError):
                    _log.exception("the library cannot be opened")
            self._opened.emit(library, error)

        self._thread = threading.Thread(target=work, name="opening")
        self._thread.start()

    def _on_opened(self, library: PhotoLibrary | None, error: Exception | None) -> None:
        self._join()
        self._library = library
        if self._ending:
            self._close_library()
        elif library is None:
            assert error is not None
            recover = self._recover if isinstance(error, CatalogError) and error.is_damage else None
            anew = None if recover is None else (lambda: self._open(recover))
            self.window.show_trouble(error, lambda: self._open(None), anew)
        else:
            self._bridge = Bridge(library, self)
            self.window.show_library(self._bridge)
            self._collecting = GarbageCollection(self)
            self._bridge.progress_changed.connect(self._collecting.take_progress)
            for folder in self._folders:
                self.window.add_folder(folder)

    def raise_window(self) -> None:
        """Bring the window to the front."""
        window = self.window
        window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
        window.show()
        window.raise_()
        window.activateWindow()

    def show_uncaught(self, error: BaseException) -> None:
        """Show an uncaught error. Thread: any."""
        try:
            self._uncaught.emit(error)
        except RuntimeError:
            _log.debug("an error came after the window was closed")

    def close(self) -> None:
        """Shut down in order; ``ended`` follows when it is done. Safe to call twice."""
        if self._ending:
            return
        self._ending = True
        if self._icons is not None:
            self._icons.stop()
        self.window.stop_work()
        if self._bridge is not None:
            self._bridge.close()
        self.window.hide()
        self._last_wait.start()
        # A library that is still opening is closed when it is open.
        if self._thread is None:
            self._close_library()

    def _close_library(self) -> None:
        library, settings = self._library, self.window.settings_to_keep()

        def work() -> None:
            try:
                if library is not None:
                    if settings != library.settings:
                        library.save_settings(settings)
                    library.close()
            except Exception:  # noqa: BLE001  # the root of a thread; shutdown goes on
                _log.exception("closing the library failed")
            self._closed.emit()

        self._thread = threading.Thread(target=work, name="closing")
        self._thread.start()

    def _on_closed(self) -> None:
        self._last_wait.stop()
        self._join()
        if self._collecting is not None:
            self._collecting.close()
        if self.window.page is not None and not self.window.page.loader.close():
            _log.warning("a thumbnail is still being read")
        self.window.let_close()
        self.window.close()
        self.ended.emit()

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _give_up(self) -> None:
        # All user data is committed in transactions: a hard exit loses nothing.
        _log.error("closing took too long")
        logging.shutdown()
        os._exit(1)


def make_application(arguments: Sequence[str] = ()) -> QApplication:
    """Return the application object with name, icon and style."""
    application = QApplication.instance()
    if not isinstance(application, QApplication):
        application = QApplication(["semantic-photos", *arguments])
    application.setApplicationName("semantic-photos")
    application.setApplicationDisplayName("Semantic Photos")
    application.setDesktopFileName("org.semantic_photos.app")
    application.setQuitOnLastWindowClosed(False)
    theme.preload_icons()
    application.setWindowIcon(QIcon(str(resources() / "icons" / "semantic-photos.svg")))
    scheme = os.environ.get(SCHEME_VARIABLE, "")
    theme.apply(application, scheme if scheme in ("dark", "light") else "")
    return application


def choose_language(application: QApplication, setting: str) -> QTranslator:
    """Speak the language of the setting, Qt's own dialogs too. Before any widget is made: texts are set only once."""
    code = translation.use(translation.of_setting(setting, QLocale.system().uiLanguages()))
    if setting != SYSTEM_LANGUAGE:
        QLocale.setDefault(QLocale(code))
    own_dialogs = QTranslator(application)
    if own_dialogs.load(QLocale(code), "qtbase", "_", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        application.installTranslator(own_dialogs)
    return own_dialogs


def run(
    library_factory: Factory,
    folders: Sequence[Path],
    *,
    recover: Callable[[], object] | None = None,
    paths: Paths | None = None,
) -> int:
    """Show the window until it is closed.

    Args:
        library_factory: opens the library; called on a thread of its own.
        folders: folders to add to the library.
        recover: repairs a damaged catalog; called on a thread before the library is opened again.
        paths: where the library lives: names the socket of the single instance and holds the settings.

    Returns:
        The exit code.
    """
    settings = _settings_of(paths)
    application = make_application()
    choose_language(application, SYSTEM_LANGUAGE if settings is None else settings.language)
    if not fonts.families():
        _log.error("no font is installed: labels will be empty")
    single = SingleInstance(paths.data if paths is not None else None)
    if single.another_runs():
        return 0
    single.listen()
    session = Session(library_factory, folders, recover, settings)
    single.raise_requested.connect(session.raise_window)
    listener = SignalListener()
    listener.stop_requested.connect(session.close)
    application.commitDataRequest.connect(lambda _: session.close())
    session.ended.connect(application.quit)
    old_hook = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        old_hook(kind, error, traceback)
        session.show_uncaught(error)

    sys.excepthook = hook
    try:
        session.start()
        return application.exec()
    finally:
        sys.excepthook = old_hook
        listener.close()
        single.close()
        session.window.deleteLater()
        application.processEvents()


def _settings_of(paths: Paths | None) -> Settings | None:
    """Read the settings before there is a window, so that it opens where it was."""
    if paths is None:
        return None
    from semantic_photos.storage.settings_file import load_settings

    return load_settings(paths.settings)
