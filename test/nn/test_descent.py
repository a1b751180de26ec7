"""Steps of Adam that shrink to none, against torch's."""

import torch

from gradnet_ros.nn.descent import Descent


def test_the_steps_are_adams_with_a_rate_that_falls_to_none():
    goal = torch.tensor([0.3, -2.0, 0.001, 5.0], dtype=torch.float64)
    moved = torch.zeros(4, dtype=torch.float64, requires_grad=True)
    optimiser = torch.optim.Adam([moved], lr=0.1, eps=1e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, total_iters=8)
    descent = Descent(goal, 0.1, 1e-3, 8)
    for _ in range(8):
        optimiser.zero_grad()
        (moved - goal).square().sum().backward()
        optimiser.step()
        schedule.step()
        descent.step(2 * (descent.moved - goal))
        torch.testing.assert_close(descent.moved, moved.detach(), rtol=1e-9, atol=1e-12)
    assert descent.done == 8
    assert 0.3 < float(descent.moved[3]) <= 0.45  # eight steps of 0.1, 0.0875 and so on


def test_more_steps_than_were_meant_move_nothing():
    descent = Descent(torch.zeros(2), 0.1, 0.0, 1)
    descent.step(torch.ones(2))
    torch.testing.assert_close(descent.moved, torch.full((2,), -0.1))
    descent.step(torch.ones(2))
    torch.testing.assert_close(descent.moved, torch.full((2,), -0.1))


def test_slopes_below_the_floor_move_little():
    descent = Descent(torch.zeros(2), 0.1, 1e-3, 1)
    descent.step(torch.tensor([1.0, 1e-5]))
    assert -0.1 < float(descent.moved[0]) < -0.099
    assert -0.0011 < float(descent.moved[1]) < 0
