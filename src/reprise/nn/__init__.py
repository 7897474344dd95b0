"""What several papers' networks and mathematics share."""
