"""Install the package `pipelines`; the job sources and the examples ride inside it as data."""

from __future__ import annotations

from setuptools import find_packages, setup

# Folders at the root that a wheel carries under another name: jobs are bundled and shipped to SageMaker as files, never imported by `pipelines`.
CARRIED = {
    "pipelines._jobs.processing": "processing",
    "pipelines._jobs.training": "training",
    "pipelines._jobs.evaluation": "evaluation",
    "pipelines._jobs.jobkit": "jobkit",
    "pipelines._jobs.jobkit.clarify": "jobkit/clarify",
    "pipelines._jobs.jobkit.profile": "jobkit/profile",
    "pipelines._jobs.jobkit.leakage": "jobkit/leakage",
    "pipelines._jobs.jobkit.monitor": "jobkit/monitor",
    "pipelines._jobs.jobkit.serving": "jobkit/serving",
    "pipelines._jobs.jobkit.steps": "jobkit/steps",
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
