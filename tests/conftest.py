"""Every test runs with 64-bit types available: float64 and int64 are among the dtypes that torch accepts."""

import jax
import pytest
import torch

jax.config.update("jax_enable_x64", True)
# The cases are small: torch's and XLA's idle threads would only wait for each other.
torch.set_num_threads(1)


def pytest_addoption(parser):
    parser.addoption(
        "--all-samples", action="store_true", help="torch's samples in every dtype, not a share of them"
    )


@pytest.fixture(autouse=True, scope="module")
def forget_compiled_programs():
    """Thousands of programs are compiled, each for one test: kept, they fill gigabytes."""
    yield
    jax.clear_caches()
