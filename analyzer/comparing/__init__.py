"""What differs between two recordings, or between two times of one."""
