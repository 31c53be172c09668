"""Who may do what: channel types, roles, grants and bans."""
