"""The section `model_card`: what people say of a model besides what is measured; keys and limits are those of the service's schema of model cards."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pipelines.config.job import Limits
from pipelines.config.section import Section

Long = Annotated[str, Field(max_length=2048)]


class IntendedUses(Section):
    """Say what the model is for."""

    purpose_of_model: Long = Field(default="", description="Why the model was made")
    intended_uses: Long = Field(default="", description="What it may be used for, and what not")
    factors_affecting_model_efficiency: Long = Field(default="", description="What makes it better or worse")
    risk_rating: Literal["High", "Medium", "Low", "Unknown"] = Field(default="Unknown", description="How much harm a wrong answer does")
    explanations_for_risk_rating: Long = Field(default="", description="Why this rating")


class BusinessDetails(Section):
    """Say for whom the model is."""

    business_problem: Long = Field(default="", description="The problem that is solved")
    business_stakeholders: Long = Field(default="", description="Who cares")
    line_of_business: Long = Field(default="", description="The part of the business")


class ModelCard(Limits):
    """Write a model card with what was measured and what is said here; it is stored with the registered version."""

    model_description: Annotated[str, Field(max_length=1024)] = Field(default="", description="What the model does; the pipeline's description when empty")
    model_creator: Annotated[str, Field(max_length=1024)] = Field(default="", description="Who made it")
    model_owner: Annotated[str, Field(max_length=1024)] = Field(default="", description="Who answers for it")
    intended_uses: IntendedUses = IntendedUses()
    business_details: BusinessDetails = BusinessDetails()
    objective: Long = Field(default="", description="What the training optimises, in words")
    training_observations: Annotated[str, Field(max_length=1024)] = Field(default="", description="What was noticed in training")
    ethical_considerations: Long = Field(default="", description="What to keep in mind about people")
    caveats_and_recommendations: Long = Field(default="", description="Limits, and what to do about them")
    custom_details: dict[str, str] = Field(default={}, description="Anything else, a name and a text each")
    status: Literal["Draft", "PendingReview", "Approved", "Archived"] = Field(default="Draft", description="Status of the card in the registry")
