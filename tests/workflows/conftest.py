"""Tests of workflows watch the model."""

from tests.support.watched_resources import model, resources

__all__ = ["model", "resources"]
