"""The workspace behind the ports: here, and nowhere else, the desk meets stores, queue and jobs."""
