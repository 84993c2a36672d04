"""Training: the schedule of records and windows, the driver, retry and recovery."""
