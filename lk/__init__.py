"""Layerwise knowledge."""
