"""Small examples for services that use what we provide; they import nothing of ours."""
