"""What images stand for on this machine; local runs only, nothing of it is in the definition."""

from __future__ import annotations

from pydantic import Field

from pipelines.config.section import Section, Texts


class ImageEntry(Section):
    """Say what stands for an image: an interpreter with its libraries, or the commands of a container of your own."""

    python: str | None = Field(default=None, description="An interpreter that has the image's libraries, e.g. ~/envs/torch/bin/python; it runs scripts")
    train: Texts = Field(default=(), description="What the container does as `docker run IMAGE train`, e.g. [python3, my_algorithm/train.py]")
    process: Texts = Field(default=(), description="What the container runs when a processing job names no entrypoint")
    serve: Texts = Field(default=(), description="What the container does as `docker run IMAGE serve`")
    environment: dict[str, str] = Field(default={}, description="Environment variables that the image sets; quote numbers")
    workdir: str = Field(default="/opt/ml", description="The folder that the commands start in; relative to the YAML file, or below /opt/ml")


class Images(Section):
    """Map images to what stands for them in a local run."""

    map: dict[str, ImageEntry] = Field(
        default={}, description="By an image's name, whole or in part, with * and ?: pytorch-training, pytorch-training:2.*, */my-algorithm:*"
    )
