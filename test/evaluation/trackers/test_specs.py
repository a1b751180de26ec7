"""What the user calls trackers."""

import argparse
import pickle
from pathlib import Path

import pytest

from gradnet_ros.evaluation.trackers.gradnet import GradNetSpec
from gradnet_ros.evaluation.trackers.opencv import OpenCVSpec
from gradnet_ros.evaluation.trackers.specs import known_trackers, parse_trackers

OPTIONS = argparse.Namespace(
    network="lite",
    device="cpu",
    engine="torch",
    weights=Path("own.safetensors"),
    settings=[("update_interval", 0)],
)


def test_names_become_specs_in_their_order():
    text = "gradnet, gradnet-alexnet,csrt,kcf,mil,nano:models/nano,vit:models/vit.onnx"
    assert parse_trackers(text, OPTIONS) == [
        GradNetSpec("gradnet", "lite", "cpu", "torch", Path("own.safetensors"), (("update_interval", 0),)),
        GradNetSpec("gradnet-alexnet", "alexnet", "cpu", "torch"),
        OpenCVSpec("csrt"),
        OpenCVSpec("kcf"),
        OpenCVSpec("mil"),
        OpenCVSpec("nano", Path("models/nano")),
        OpenCVSpec("vit", Path("models/vit.onnx")),
    ]


def test_specs_can_be_sent_to_other_processes():
    specs = parse_trackers("gradnet,csrt,nano:models", OPTIONS)
    assert pickle.loads(pickle.dumps(specs)) == specs


def test_the_last_of_two_values_of_a_setting_holds():
    options = argparse.Namespace(
        **{**vars(OPTIONS), "settings": [("update_interval", 0), ("update_interval", 3)]}
    )
    (spec,) = parse_trackers("gradnet", options)
    assert spec.settings == (("update_interval", 3),)


def test_without_gradient_steps_all_else_is_the_same():
    options = argparse.Namespace(**{**vars(OPTIONS), "settings": [("update_interval", 3), ("box_steps", 4)]})
    own, fixed = parse_trackers("gradnet,gradnet-fixed", options)
    assert dict(own.settings) == {"update_interval": 3, "box_steps": 4}
    assert dict(fixed.settings) == {"update_interval": 0, "box_steps": 4}
    assert (fixed.name, fixed.weights) == ("gradnet-fixed", own.weights)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gradnet,gradnet", "tracker gradnet is there twice"),
        ("nano:a,nano:b", "tracker nano is there twice"),
        ("nano", "tracker nano needs a model: nano:PATH, where PATH is a folder"),
        ("vit:", "tracker vit needs a model: vit:PATH, where PATH is an ONNX file"),
        ("csrt:model", "tracker csrt takes no model, got 'csrt:model'; those that do: nano, vit"),
        ("gradnet-resnet", "unknown tracker 'gradnet-resnet'; known are: gradnet, "),
        ("", "unknown tracker ''; known are: "),
        ("csrt,", "unknown tracker ''"),
    ],
)
def test_what_is_not_a_list_of_trackers_is_refused(text, message):
    with pytest.raises(ValueError, match="^" + message):
        parse_trackers(text, OPTIONS)


def test_every_tracker_that_is_told_of_can_be_asked_for():
    assert known_trackers() == [
        *("gradnet", "gradnet-fixed", "gradnet-alexnet", "gradnet-lite"),
        *("csrt", "kcf", "mil", "nano:PATH", "vit:PATH"),
    ]
    assert len(parse_trackers(",".join(known_trackers()), OPTIONS)) == len(known_trackers())
