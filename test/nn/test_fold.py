from copy import deepcopy

import pytest
import torch
from torch import nn

from gradnet_ros.nn.fold import fold_norms
from support import random_network


def with_statistics(module):
    """Norms as they are after a training."""
    torch.manual_seed(0)
    for each in module.modules():
        if isinstance(each, nn.BatchNorm2d) and each.running_mean is not None:
            each.running_mean.uniform_(-1.0, 1.0)
            each.running_var.uniform_(0.5, 2.0)
            nn.init.uniform_(each.weight, 0.5, 2.0)
            nn.init.uniform_(each.bias, -1.0, 1.0)
    return module.eval()


@torch.no_grad()
def test_the_papers_trunk_answers_the_same():
    trunk = with_statistics(deepcopy(random_network("alexnet").search))
    images = torch.rand(2, 3, 127, 127) * 255.0
    before = trunk(images)
    fold_norms(trunk)
    assert not [each for each in trunk.modules() if isinstance(each, nn.BatchNorm2d)]
    torch.testing.assert_close(trunk(images), before, rtol=1e-4, atol=1e-4 * float(before.abs().max()))


def test_a_norm_that_follows_no_convolution_stays():
    row = with_statistics(nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU(), nn.BatchNorm2d(3)))
    fold_norms(row)
    assert isinstance(row[2], nn.BatchNorm2d)


def test_a_norm_in_training_is_refused():
    with pytest.raises(AssertionError, match="eval"):
        fold_norms(nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3)).train())
