"""System calls and C library functions that Python's library does not have: the only room that uses ctypes."""
