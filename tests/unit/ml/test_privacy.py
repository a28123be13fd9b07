# SPDX-License-Identifier: GPL-3.0-or-later
"""The runtime of the networks keeps no device number and no queue of events to be sent."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_loading_the_runtime_writes_nothing(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    code = "from semantic_photos.ml.session import runtime; import time; runtime(); time.sleep(0.5)"
    subprocess.run([sys.executable, "-c", code], check=True, env={**environment, "HOME": str(tmp_path)})
    assert list(tmp_path.rglob("*")) == []
