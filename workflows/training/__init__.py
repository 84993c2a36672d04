"""Training: the schedule, windows, retries and recovery from a lost database."""
