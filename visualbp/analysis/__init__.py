"""Questions about a state: probes that are given a plan and its arrays, and never disturb what is being debugged."""
