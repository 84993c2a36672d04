"""AgentCF (WWW 2024), a baseline: agents of users and items that rewrite each other's memories."""
