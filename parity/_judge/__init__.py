"""Verdicts: results against references and bounds."""
