"""Speaks to the outside world and hands back our own frozen values.

The only importers of vendor SDKs.  No Django, nothing of apps/.  No adapter retries: a caller that
may look first decides whether to ask again.
"""
