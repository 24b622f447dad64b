"""Servers, pools and databases that exist already become ours: first looked at, then imported. Nothing in Azure changes."""
