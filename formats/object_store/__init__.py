"""Objects in the stores of cloud providers: how they are named, and what failed there. Nothing here opens one."""
