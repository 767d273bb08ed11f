"""Serving the dashboard in the foreground, and saying when it answers."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path
from types import FrameType

from data.errors import StockwrightError
from service.settings import DATABASE_VARIABLE

_HEALTHY_WITHIN_SECONDS = 90.0


class PortTaken(StockwrightError):
    """Something else listens on the port."""

    def __init__(self, port: int) -> None:
        self.port = port
        super().__init__(f"port {port} is taken: name a free one with --port (make demo PORT=…)")


class DashboardFailed(StockwrightError):
    """The dashboard did not come up."""


def require_free_port(port: int) -> None:
    """Refuse a port on which something listens.

    Raises:
        PortTaken: naming it.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(port) from error


def dashboard_command(port: int) -> list[str]:
    """The command that serves the dashboard."""
    script = Path(__file__).resolve().parent.parent / "dashboard" / "app.py"
    options = {
        "server.port": str(port),
        "server.address": "localhost",
        "server.headless": "true",
        "server.fileWatcherType": "none",
        "logger.level": "error",
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(script), *flags]


def serve_dashboard(database_url: str, *, port: int, open_browser: bool) -> int:
    """Serve until interrupted; prints `Dashboard ready: URL` once it answers.

    Returns:
        The exit code: 0 when it was interrupted, else the server's own.

    Raises:
        PortTaken: the port is in use.
        DashboardFailed: it did not answer in time.
    """
    require_free_port(port)
    environment = os.environ | {DATABASE_VARIABLE: database_url}
    server = subprocess.Popen(dashboard_command(port), env=environment, stdout=subprocess.DEVNULL)

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        address = f"http://localhost:{port}"
        _wait_until_healthy(server, address)
        print(f"Dashboard ready: {address}", flush=True)
        if open_browser:
            webbrowser.open(address)
        return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        server.terminate()
        try:
            server.wait(timeout=10)
        except subprocess.TimeoutExpired:
            server.kill()


def _wait_until_healthy(server: subprocess.Popen[bytes], address: str) -> None:
    deadline = time.monotonic() + _HEALTHY_WITHIN_SECONDS
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise DashboardFailed(f"the dashboard ended with exit code {server.returncode} before it was ready")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise DashboardFailed(f"the dashboard did not answer on {address} within {_HEALTHY_WITHIN_SECONDS:.0f} s")
