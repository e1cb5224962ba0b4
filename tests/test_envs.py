"""envs/*.yaml say what uv.lock says."""

import pytest
import yaml

from scripts import export_envs

VERSIONS = {"jax": "0.10.2", "numpy": "2.5.5", "snakemake": "9.27.1"}
GPU = ["jax[cuda13]>=0.10; sys_platform == 'linux'"]
PROJECT = {"dependencies": ["numpy>=2.4"], "optional-dependencies": {"gpu": GPU}}


def test_committed_environments_are_those_of_the_lock() -> None:
    for path, text in export_envs.environments().items():
        assert path.exists() and path.read_text() == text, f"{path.name} is out of date: python scripts/export_envs.py"


def test_no_environment_file_is_left_over() -> None:
    written = export_envs.environments()
    assert sorted((export_envs.ROOT / "envs").iterdir()) == sorted(written)


def test_an_environment_pins_the_dependencies_of_its_extras_too() -> None:
    cpu = yaml.safe_load(export_envs.environment("cpu", PROJECT, VERSIONS))
    gpu = yaml.safe_load(export_envs.environment("gpu", PROJECT, VERSIONS))
    assert cpu["dependencies"][-1] == {"pip": ["numpy==2.5.5"]}
    assert gpu["dependencies"][-1] == {"pip": ["numpy==2.5.5", 'jax[cuda13]==0.10.2; sys_platform == "linux"']}


def test_a_package_locked_at_two_versions_is_refused() -> None:
    lock = {"package": [{"name": "numpy", "version": "2.5.5"}, {"name": "numpy", "version": "2.4.0"}]}
    with pytest.raises(ValueError, match=r"numpy: found versions 2\.5\.5 and 2\.4\.0"):
        export_envs.locked_versions(lock)
