"""What pools and databases use: asked of Azure Monitor, kept by the five minutes, folded into profiles of the week."""
