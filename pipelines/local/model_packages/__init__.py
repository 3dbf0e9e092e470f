"""What belongs to a model package beyond its description: where it comes from, an archive to take it elsewhere, what is beside it in a comparison."""
