"""Databases made before anybody asks: how many, when they are made and proved, and how a service gets one."""
