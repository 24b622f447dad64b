"""What ships: the compose file, the image, the example of settings."""
