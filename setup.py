"""Install the package `pipelines`; the job sources and the examples ride inside it as data."""

from __future__ import annotations

from pathlib import Path

from setuptools import find_packages, setup

HERE = Path(__file__).resolve().parent
# Folders at the root that a wheel carries under another name: jobs are bundled and shipped to SageMaker as files, never imported by `pipelines`.
CARRIED = {
    "pipelines._jobs.processing": "processing",
    "pipelines._jobs.training": "training",
    "pipelines._jobs.evaluation": "evaluation",
    "pipelines._jobs.jobkit": "jobkit",
    **{f"pipelines._jobs.jobkit.{part.parent.name}": f"jobkit/{part.parent.name}" for part in sorted(HERE.glob("jobkit/*/__init__.py"))},
    "pipelines._examples": "examples",
}

setup(
    packages=[*find_packages(include=["pipelines", "pipelines.*"]), *CARRIED],
    package_dir=CARRIED,
    package_data={
        "pipelines": ["py.typed", "**/*.json"],
        **{name: ["*.py"] for name in CARRIED if name.startswith("pipelines._jobs")},
        "pipelines._examples": ["*/*.yaml", "*/*.json", "*/*.md", "*/profiles/*.yaml", "*/training/*"],
    },
)
