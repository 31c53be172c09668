"""What a definition must not say although each word of it is right."""
