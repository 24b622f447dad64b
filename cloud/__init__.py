"""The only folder that speaks to Azure. It imports nothing of ours; callers see protocols and frozen values."""
