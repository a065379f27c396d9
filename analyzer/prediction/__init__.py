"""Prediction: what could be known before it happened, at each moment from what had been recorded until then."""
