"""What a finished build says of people and pairs that come later: fold-in and predictions."""
