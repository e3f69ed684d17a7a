"""Serving project repositories to Git: the backend process, what a push may change, the locks of Git LFS."""
