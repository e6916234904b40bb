"""What notebooks show of errors, connections and cursors."""
