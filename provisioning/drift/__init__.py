"""Observed against desired: what differs becomes a finding, and a finding an operation or somebody's decision."""
