"""statsforecast and stockpyl in their own environment: `make .venv/peers/.installed` sets it up (`make bench` does)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from measure import REPOSITORY

PYTHON = REPOSITORY / ".venv" / "peers" / "bin" / "python"
THREADS = ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS")


def asked(job: str, *, script: str = "statsforecast_peer.py", **given: object) -> dict[str, np.ndarray]:
    """What the peer answers to a job of its script, arrays by name.

    Raises:
        SystemExit: its environment was not set up.
    """
    if not PYTHON.exists():
        raise SystemExit("peers run in an environment of their own: make .venv/peers/.installed")
    with TemporaryDirectory() as folder:
        source, destination = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, **{name: np.asarray(value) for name, value in given.items()})
        command = [str(PYTHON), str(Path(__file__).with_name(script)), job, str(source), str(destination)]
        subprocess.run(command, check=True, env=os.environ | dict.fromkeys(THREADS, "1"))
        with np.load(destination) as file:
            return {name: file[name] for name in file.files}
