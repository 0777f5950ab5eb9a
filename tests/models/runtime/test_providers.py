"""What models run on: the setting's names, what is not installed, what does not start."""

import logging
from pathlib import Path

import numpy as np
import pytest

from open_analytic.config import Settings
from open_analytic.errors import BadParameter, ModelUnavailable
from open_analytic.models.card import read_card
from open_analytic.models.library import Library
from open_analytic.runtime import providers
from open_analytic.runtime.cache import ModelCache
from open_analytic.runtime.local import LocalEngine
from open_analytic.runtime.session import OnnxModel
from tests import tiny

CUDA, OPENVINO = "CUDAExecutionProvider", "OpenVINOExecutionProvider"


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ((), (providers.CPU,)),
        (("cpu",), (providers.CPU,)),
        (("cuda", "cpu"), (CUDA, providers.CPU)),
        (("openvino", "cuda", "openvino"), (OPENVINO, CUDA)),
    ],
)
def test_names_are_mapped_in_the_order_of_preference(chosen: tuple[str, ...], expected: tuple[str, ...]) -> None:
    assert providers.resolve(chosen, [CUDA, providers.CPU, OPENVINO]) == expected


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (("gpu",), r"names 'gpu'; it can name cpu, cuda, openvino, coreml\."),
        (("cuda", "cpu"), r"names cuda; the installed ONNX Runtime has cpu\. Install the extra gpu as docs/models\.md"),
        (("openvino",), r"names openvino; .* Install the extra openvino as docs/models\.md"),
        (("coreml",), r"names coreml; .* The package onnxruntime has it on macOS"),
    ],
)
def test_what_is_not_installed_is_an_error_that_names_its_extra(chosen: tuple[str, ...], message: str) -> None:
    with pytest.raises(BadParameter, match=message):
        providers.resolve(chosen, [providers.CPU, "AzureExecutionProvider"])


def test_it_is_said_at_the_start(tmp_path: Path) -> None:
    settings = Settings.read({"OPEN_ANALYTIC_PROVIDERS": "tpu"}, models_dir=tmp_path)
    with pytest.raises(BadParameter, match="names 'tpu'"):
        LocalEngine(Library(settings), settings)


def load(folder: Path, *chosen: str) -> OnnxModel:
    tiny.write(folder)
    with pytest.warns(UserWarning, match="not in available provider names"):  # as ONNX Runtime has it
        return OnnxModel(folder / "mean_colour.onnx", read_card(folder / "mean_colour.toml"), chosen=chosen, threads=1)


def test_a_provider_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelUnavailable, match=r"'mean_colour': ONNX Runtime could not start CUDAExecutionProvider\."):
        load(tmp_path, CUDA)


def test_with_cpu_in_the_list_the_model_runs_there_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = load(tmp_path, CUDA, providers.CPU)
    assert caplog.messages == [
        "Model 'mean_colour': ONNX Runtime could not start CUDAExecutionProvider; it runs on CPUExecutionProvider"
    ]
    assert model(np.full((1, 16, 16, 3), 255, np.uint8))["features"].tolist() == [[1, 1, 1]]


def test_on_the_processor_a_model_is_loaded_for_each_number_of_threads(tmp_path: Path) -> None:
    settings = Settings.read({}, cards=(tiny.write(tmp_path),), models_dir=tmp_path / "models", threads=1)
    cache = ModelCache(Library(settings), settings)
    assert cache.model("mean_colour", threads=1) is not cache.model("mean_colour", threads=2)
