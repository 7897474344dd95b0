"""The site for machines: a JSON interface, Atom feeds, and a server for agents that speak MCP."""
