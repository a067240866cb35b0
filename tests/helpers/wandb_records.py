"""What W&B received, read back from its own file with its own reader."""

import json
import shutil
import subprocess
import sys
from pathlib import Path


def records(folder):
    """Every record of a run's log: `wandb leet inspect --json`."""
    wandb = shutil.which("wandb", path=str(Path(sys.executable).parent)) or "wandb"
    output = subprocess.run(
        [wandb, "leet", "inspect", "--json", str(folder)], capture_output=True, text=True, check=True
    ).stdout
    return [json.loads(line) for line in output.splitlines()]
