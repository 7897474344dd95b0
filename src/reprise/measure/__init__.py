"""What a representation or a data set is like."""
