"""Read, overlay, check and explain pipeline configurations."""
