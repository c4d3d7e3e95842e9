"""What the scores of several seeds and data sets can show."""
