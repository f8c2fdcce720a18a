"""What any room may need: whole files, progress, signals, optional packages."""
