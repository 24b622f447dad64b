"""What we own: subscriptions, regions, servers, pools, workspaces, services, databases."""
