"""The declaration of parameters: checks, spellings, headings."""

import subprocess
import sys
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from segtool.cli.main import main
from segtool.errors import UsageError
from segtool.settings import (
    CohesionSettings,
    TrainingSettings,
    flag_of,
    parameter,
    parameters_by_title,
    settings_of,
    spelled_value,
)
from tests.helpers import ROOT, environment, sample_segmenter

PARAMETERS = fields(TrainingSettings)


@pytest.mark.parametrize("each", PARAMETERS, ids=lambda each: each.name)
def test_a_parameter_is_declared_in_full(each):
    limits = each.metadata
    assert limits["help"].endswith(".")
    if limits["choices"]:
        assert each.default in limits["choices"]
    elif isinstance(each.default, int | float) and not isinstance(each.default, bool):
        assert -np.inf < limits["low"] <= each.default <= limits["high"] < np.inf
        for value in (limits["low"], limits["high"]):
            value = type(each.default)(value)
            assert getattr(replace(TrainingSettings(), **{each.name: value}).checked(), each.name) == value


def test_headings_cover_all_parameters():
    groups = parameters_by_title()
    assert sorted(each.name for group in groups.values() for each in group) == sorted(each.name for each in PARAMETERS)
    assert next(iter(groups)) == "Training"
    assert [each.name for each in groups["Method cohesion"]] == [each.name for each in fields(CohesionSettings)]


def test_options_are_the_parameters():
    options = {each.name: each for each in main.commands["train"].params}
    for each in PARAMETERS:
        assert options[each.name].help == each.metadata["help"]
        assert flag_of(each.name) in options[each.name].opts


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("passes", 2.5, "--passes 2.5: choose a whole number from 1 to 1000"),
        ("passes", "many", "--passes many: choose a whole number from 1 to 1000"),
        ("entropy_floor", "low", "--entropy-floor low: choose 0 to 100"),
        ("entropy_floor", None, "--entropy-floor None: choose 0 to 100"),
        ("fold", 1, "--fold 1: choose true or false"),
        ("method", "viterbi", "--method viterbi: choose unigram, entropy, cohesion, lm or dict"),
        ("cohesion_thresholds", 2.0, "--cohesion-thresholds 2.0: give one number or more, such as 2,4,6"),
    ],
)
def test_values_of_the_wrong_type(name, value, message):
    with pytest.raises(UsageError) as caught:
        replace(TrainingSettings(), **{name: value}).checked()
    assert str(caught.value) == message


def test_numbers_of_numpy_are_numbers():
    settings = TrainingSettings(passes=np.int64(3), entropy_floor=np.float32(0.5), length_penalty=2)
    assert settings.checked() is settings


def test_the_first_of_several_wrong_parameters_is_named():
    @dataclass(frozen=True)
    class Settings(TrainingSettings):
        width: int = parameter(1, "Width.", 1, 9)

    with pytest.raises(UsageError, match="--passes 0"):
        Settings(passes=0, width=10).checked()
    with pytest.raises(UsageError, match="--width 10: choose a whole number from 1 to 9"):
        Settings(width=10).checked()


def test_spelled_values():
    assert [spelled_value(each) for each in (True, 2.0, 0.05, 1 << 31, (2.0, 4.5), "types")] == [
        *("true", "2", "0.05", "2147483648", "2,4.5", "types")
    ]


def test_settings_of_a_model():
    model = sample_segmenter().model
    assert settings_of(model) == TrainingSettings()
    card = model.card | {"parameters": {"passes": 7, "lm_moves": [1.0] * 8, "gone": 3}}
    assert settings_of(replace(model, card=card)) == TrainingSettings(passes=7, lm_moves=(1.0,) * 8)


def test_import_loads_nothing_heavy():
    code = "import sys, segtool.settings; print({'numpy', 'numba', 'llvmlite', 'click'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, env=environment())
    assert done.stdout == b"set()\n", done.stderr
