"""Questions over many games."""
