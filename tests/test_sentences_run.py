"""The way of a sentence through the house.

Trained, read, extracted again with absent embeddings, and shown with its words.
"""

import yaml

from lk.cli import analyze, train
from lk.extraction import Samples
from lk.runs import Run

CONFIG = """
seed_everything: 0
data:
  class_path: lk.data.SST2
  init_args: {words: 3, vocab_size: 100, max_length: 16, samples_per_class: 1}
model:
  network:
    class_path: lk.networks.Transformer
    init_args:
      architecture: distilbert
      config: {vocab_size: 100, dim: 8, n_layers: 2, n_heads: 2, hidden_dim: 8, max_position_embeddings: 16}
optimizer: {class_path: torch.optim.AdamW, init_args: {lr: 0.01}}
trainer:
  accelerator: cpu
  max_epochs: 1
  enable_model_summary: false
  enable_progress_bar: false
  num_sanity_val_steps: 0
  callbacks:
    - class_path: lk.callbacks.SaveCheckpoints
      init_args: {early: 0, weights_only: true}
    - class_path: lk.callbacks.ExtractInteractions
      init_args:
        extraction:
          class_path: lk.extraction.Extraction
          init_args:
            players: {class_path: lk.games.Words}
            probes: {class_path: lk.probes.Optimum, init_args: {pooling: first, max_samples: 40, tolerance: 0.001}}
"""


def test_a_sentence_from_file_to_report(sentence_dir, tmp_path):
    config = yaml.safe_load(CONFIG)
    config["data"]["init_args"]["data_dir"] = str(sentence_dir)
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump(config))
    train(["fit", "--config", str(path), "--runs_dir", str(tmp_path / "runs"), "--id", "text"])
    run = Run(tmp_path / "runs" / "text")
    samples = Samples.load(run.extraction("default") / "samples.safetensors")
    assert [len(words) for words in samples.words] == [3, 3]
    page = run.report.read_text(encoding="utf-8")
    assert all(
        f"no. {int(i)}: {', '.join(words)}" in page for i, words in zip(samples.index, samples.words, strict=True)
    )
    masker = '{"class_path": "lk.games.maskers.Token", "init_args": {"token": "absent"}}'
    analyze(
        ["extract", str(run.path), "--extraction.name", "absent", "--extraction.masker", masker, "--report", "false"]
    )
    absent = Samples.load(run.extraction("absent") / "samples.safetensors")
    assert (absent.filler == -1).all()
    assert absent.words == samples.words
    games = run.read_table("absent/games")
    assert games["certified"].all()
    assert set(games["layer"]) == {"layer1", "layer2", "output"}
