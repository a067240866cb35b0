"""The W&B workspace, against the schema of wandb-workspaces."""

import pytest
from wandb_workspaces.workspaces import Workspace, internal

from lk.loggers.keys import EXTRACTION_FIGURES
from lk.loggers.workspace import Shown, shown, spec, workspace
from lk.runs import Run
from tests.helpers.run_folders import write_run
from tests.helpers.wandb_records import records

LAYERS = [["layer1", "layer2", "output"], ["conv1", "conv2", "fc", "output"]]
CERTIFIED = ["certify/irrep/bound", "certify/irrep/bound_float32", "certify/schur/bound", "certify/provable"]


def panels(found, **more):
    """Title to keys of all panels, by section, after a round through the library's own schema."""
    plain = spec(workspace(found, ["a", "b"], "team", "lk", **more))
    model = internal.WorkspaceViewspec.model_validate(plain)
    assert model.model_dump(mode="json", by_alias=True, exclude_none=True) == plain
    view = internal.View(entity="team", project="lk", display_name="", name="", id="", spec=model)
    read = Workspace._from_model(view)
    assert read.runset_settings.filters == """Metric("ID") in ['a', 'b']"""
    assert read.settings.x_axis == "checkpoint/epoch"
    return {
        section.name: {
            panel.title: panel.media_keys if hasattr(panel, "media_keys") else [metric.name for metric in panel.y]
            for panel in section.panels
        }
        for section in read.sections
    }


def test_six_figures_comparison_by_layer_and_certified_bounds():
    found = panels(Shown(LAYERS, CERTIFIED))
    assert list(found) == [
        "Figures of a checkpoint",
        "Comparison by layer, a line per run",
        "Certified",
        "Training",
    ]
    assert list(found["Figures of a checkpoint"].values()) == [[f"figures/{name}"] for name in EXTRACTION_FIGURES]
    compared = found["Comparison by layer, a line per run"]
    assert compared["Completeness, layer1, conv1"] == [
        "interactions/1_layer1/completeness",
        "interactions/1_conv1/completeness",
    ]
    assert compared["Completeness, fc"] == ["interactions/3_fc/completeness"]
    assert compared["Probe accuracy, output"] == ["probe/3_output/accuracy", "probe/4_output/accuracy"]
    assert "Completeness, output" not in compared
    assert len(compared) == 2 * 3 + 2 * 4
    assert found["Certified"]["Certified accuracy"] == ["certify/irrep/bound", "certify/schur/bound"]
    assert found["Certified"]["Provable share"] == ["certify/provable"]


def test_sections_without_content_are_left_out():
    assert list(panels(Shown([], CERTIFIED))) == ["Certified", "Training"]
    named = panels(Shown(LAYERS[:1], []), extraction="fine")
    assert list(named) == ["Figures of a checkpoint", "Comparison by layer, a line per run", "Training"]
    assert named["Figures of a checkpoint"]["Orders"] == ["figures/fine/2_orders"]
    compared = named["Comparison by layer, a line per run"]
    assert compared["Salient interactions per sample, output"] == ["interactions/fine/3_output/salient"]
    assert compared["Probe accuracy, output"] == ["probe/3_output/accuracy"]


def test_layers_are_read_from_the_run(tmp_path):
    run = write_run(tmp_path / "a")
    assert shown([run]).layers == [("first", "second", "third", "output")]
    with pytest.raises(ValueError, match="expected runs with interactions 'other' or certificates, got none"):
        shown([run], "other")


def test_the_keys_are_those_that_training_logs(tiny_run):
    """Keys of numbers and pictures in the W&B record of the run."""
    items = [record["history"]["item"] for record in records(tiny_run / "wandb") if record["type"] == "history"]
    found = panels(shown([Run(tiny_run)]))
    wanted = {key for section in found.values() for keys in section.values() for key in keys}
    assert wanted <= {name.split("._type")[0] for item in items for name in item}
