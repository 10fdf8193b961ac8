"""The workspace as the screens use it: only here does the desk open stores, the queue, jobs and processes."""
