"""What several domains share: rules about people, channels, messages and unread counts."""
