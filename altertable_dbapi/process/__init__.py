"""What the process does to a driver: forks, exits, signals, one thread of its own."""
