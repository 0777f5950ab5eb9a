"""The operators pipelines are made of, by the name a step calls them."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import Any

from open_analytic.errors import OpenAnalyticError, PluginError
from open_analytic.kinds import ALL_KINDS
from open_analytic.operators.align import align_faces
from open_analytic.operators.audio import crop_audio, cut_windows, decode_audio, embed_audio
from open_analytic.operators.choose import choose_faces, keeps_all
from open_analytic.operators.classify import classify_gender, estimate_age
from open_analytic.operators.classify_image import classify_image
from open_analytic.operators.crop import crop_regions
from open_analytic.operators.cut_dna import cut_dna
from open_analytic.operators.detect import detect_faces
from open_analytic.operators.detect_objects import detect_objects
from open_analytic.operators.embed import embed, normalize
from open_analytic.operators.embed_dna import embed_dna
from open_analytic.operators.image import decode_image
from open_analytic.operators.limits import Limits, NoRoom
from open_analytic.operators.name_colors import name_colors
from open_analytic.operators.operator import Operator
from open_analytic.operators.read_dna import read_dna
from open_analytic.operators.resize import resize
from open_analytic.operators.text import crop_text, cut_passages, decode_text, embed_text, embed_tokens, tokenize
from open_analytic.operators.video import decode_video, sample_frames
from open_analytic.plugins import Registry


def _square(parameter: str) -> Callable[[Mapping[str, Any]], int]:
    """The pixels of a picture whose side a parameter states."""
    return lambda parameters: int(parameters[parameter]) ** 2


OPERATORS: dict[str, Operator] = {
    "decode_image": Operator(
        function=decode_image,
        inputs=("bytes",),
        output="image",
        limited=True,
        pixels=lambda _: Limits().max_pixels,
    ),
    "resize": Operator(function=resize, inputs=("image",), output="image", placed=True, pixels=_square("size")),
    "detect_faces": Operator(
        function=detect_faces,
        inputs=("image",),
        output="face",
        finds_many=True,
        tasks=("face detection",),
        roles=("heatmap", "scale", "offset", "landmarks"),
        batched=True,
        placed=True,
        pixels=_square("long_side"),
    ),
    "detect_objects": Operator(
        function=detect_objects,
        later=("several_classes",),
        inputs=("image",),
        output="object",
        finds_many=True,
        tasks=("object detection",),
        roles=("boxes", "scores"),
        labelled=True,
        batched=True,
        placed=True,
        pixels=_square("long_side"),
    ),
    "classify_image": Operator(
        function=classify_image,
        inputs=("image",),
        output="label",
        finds_many=True,
        tasks=("image features", "image classification"),
        roles=("logits",),
        labelled=True,
        labels_optional=True,
        batched=True,
    ),
    "name_colors": Operator(function=name_colors, inputs=("image",), output="color", finds_many=True),
    "choose_faces": Operator(
        function=choose_faces, inputs=("face",), output="face", takes_list=True, keeps_list=keeps_all
    ),
    "align_faces": Operator(
        function=align_faces, inputs=("image", "face"), output="image", placed=True, pixels=_square("size")
    ),
    "crop_regions": Operator(
        function=crop_regions, inputs=("image", "box"), output="image", placed=True, pixels=_square("size")
    ),
    "embed": Operator(
        function=embed, inputs=("image",), output="vector", tasks=("image features", "face embedding"), batched=True
    ),
    "decode_text": Operator(function=decode_text, inputs=("bytes",), output="text"),
    "cut_passages": Operator(function=cut_passages, inputs=("text",), output="passage", finds_many=True),
    "crop_text": Operator(function=crop_text, inputs=("text", "text_span"), output="text"),
    "embed_text": Operator(
        function=embed_text, inputs=("text",), output="vector", tasks=("text features",), batched=True
    ),
    "tokenize": Operator(
        function=tokenize,
        inputs=("text",),
        output="tokens",
        tasks=("text features",),
        input_types=("tokens",),
        batched=True,
    ),
    "embed_tokens": Operator(
        function=embed_tokens,
        inputs=("tokens",),
        output="vector",
        tasks=("text features",),
        input_types=("tokens",),
        batched=True,
    ),
    "read_dna": Operator(function=read_dna, inputs=("text",), output="sequence"),
    "cut_dna": Operator(function=cut_dna, inputs=("sequence",), output="sequence", finds_many=True),
    "embed_dna": Operator(
        function=embed_dna,
        inputs=("sequence",),
        output="vector",
        dim=lambda parameters: int(parameters["size"]),
        batched=True,
    ),
    "decode_audio": Operator(function=decode_audio, inputs=("bytes",), output="audio", limited=True),
    "cut_windows": Operator(function=cut_windows, inputs=("audio",), output="segment", finds_many=True),
    "crop_audio": Operator(function=crop_audio, inputs=("audio", "span"), output="audio"),
    "embed_audio": Operator(
        function=embed_audio, inputs=("audio",), output="vector", tasks=("audio features",), batched=True
    ),
    "decode_video": Operator(function=decode_video, inputs=("bytes",), output="video", limited=True),
    "sample_frames": Operator(
        function=sample_frames, inputs=("video",), output="frame", finds_many=True, pixels=_square("long_side")
    ),
    "estimate_age": Operator(
        function=estimate_age,
        inputs=("image",),
        output="number",
        tasks=("age",),
        roles=("probabilities",),
        batched=True,
    ),
    "classify_gender": Operator(
        function=classify_gender,
        inputs=("image",),
        output="label",
        tasks=("gender",),
        roles=("probabilities",),
        batched=True,
    ),
    "normalize": Operator(function=normalize, inputs=("vector",), output="vector", batched=True),
}


def _operator(value: object) -> Operator:
    if not isinstance(value, Operator):
        raise TypeError(f"it is no Operator, but {type(value).__name__}")
    if unknown := [kind for kind in (*value.inputs, value.output) if kind not in ALL_KINDS]:
        raise ValueError(f"no kind is named {unknown[0]!r}")
    return replace(value, function=_guarded(value.function))


def _guarded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A plugin's function, whose exceptions become the typed error of the item it was applied to."""

    @wraps(function)
    def run(*values: Any, **parameters: Any) -> Any:
        try:
            return function(*values, **parameters)
        except (OpenAnalyticError, NoRoom):
            raise
        except Exception as error:
            name = f"{function.__module__}.{function.__qualname__}"
            raise PluginError(
                f"The plugin's operator {name} failed: {type(error).__name__}: {error}.",
                hint="Report it to the plugin's author.",
            ) from error

    return run


ALL_OPERATORS = Registry("open_analytic.operators", OPERATORS, _operator)  # with those of plugins
