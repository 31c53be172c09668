"""What users mute, block and hide."""
