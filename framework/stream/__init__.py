"""The only room that speaks Stream. Others see `model` (what things are) and `service` (what can be done)."""
