"""The stages of the workflow: files in, metrics in their envelope out. Only these know files of results."""
