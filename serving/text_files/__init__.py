"""What stands in a user's file, row by row? One set of rules for all commands."""
