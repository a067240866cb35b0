"""Train a network and watch what its layers learn: `python train.py fit --config configs/digits.yaml`."""

from lk.cli import main, train

if __name__ == "__main__":
    main(train)
