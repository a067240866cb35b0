"""Run folders: their paths, locks and training segments."""

from lk.runs.run import Run, read_settings, step_name

__all__ = ["Run", "read_settings", "step_name"]
