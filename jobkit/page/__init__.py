"""What the pages of reports are made of: the frame with its sections, tables, the look, and charts as SVG."""
