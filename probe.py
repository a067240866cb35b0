"""Fit one linear classifier per layer at every checkpoint of a run: `python probe.py fit --run runs/<id>`."""

from lk.cli import main, probe

if __name__ == "__main__":
    main(probe)
