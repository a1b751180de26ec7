"""Every mistake in settings is named."""

from dataclasses import dataclass

import pytest

from gradnet_ros.training.config import ConfigError, apply_overrides, make_settings


@dataclass(frozen=True)
class Settings:
    count: int = 1
    share: float = 0.5
    sizes: tuple[int, ...] = (1,)

    def __post_init__(self):
        if not 0 <= self.share <= 1:
            raise ValueError(f"share must be in [0, 1], got {self.share}")


def test_settings_from_a_mapping():
    made = make_settings(Settings, {"count": "3", "share": "1e-1", "sizes": [4, 2]}, "here")
    assert made == Settings(3, 0.1, (4, 2))
    assert make_settings(Settings, {}, "here") == Settings()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"cuont": 1}, r"here.cuont: unknown setting; known are: count, share, sizes"),
        ({"count": 1.5}, r"here.count: .*integer.*1.5"),
        ({"share": 2}, r"here: share must be in \[0, 1\], got 2"),
        ({"sizes": ["x"]}, r"here.sizes.0: .*'x'"),
    ],
)
def test_wrong_settings(values, message):
    with pytest.raises(ConfigError, match=message):
        make_settings(Settings, values, "here")


def test_overrides_reach_everywhere():
    tree = {"seed": 0, "stages": [{"steps": 1}, {"steps": 2, "pairs": None}]}
    apply_overrides(
        tree, ["seed=7", "stages.1.steps=30", "stages.1.pairs.views=2", "stages.0.settings.k=[1, 2]"]
    )
    assert tree == {
        "seed": 7,
        "stages": [{"steps": 1, "settings": {"k": [1, 2]}}, {"steps": 30, "pairs": {"views": 2}}],
    }


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("seed", "expected KEY=VALUE, got 'seed'"),
        ("=3", "expected KEY=VALUE"),
        ("a..b=3", "expected KEY=VALUE"),
        ("stages.2.steps=1", "stages.2: expected a number from 0 to 1, got '2'"),
        ("stages.x.steps=1", "stages.x: expected a number from 0 to 1, got 'x'"),
        ("seed.x=1", "seed.x: seed has no settings of its own"),
        ("seed=[1", "seed: not a YAML value"),
    ],
)
def test_overrides_that_lead_nowhere(override, message):
    with pytest.raises(ConfigError, match=message.replace("[", r"\[")):
        apply_overrides({"seed": 0, "stages": [{}, {}]}, [override])
