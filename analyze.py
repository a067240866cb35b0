"""Extract, compare, report: `python analyze.py extract runs/<id>`."""

from lk.cli import analyze, main

if __name__ == "__main__":
    main(analyze)
