"""The submission: one script that trains, exports and scores by itself, and the folder that goes to the contest."""
