"""A small Django site: doctors, their appointments, cached figures and pages.

It uses Django's own PyMemcacheCache and pymemcache as they are. What it needs
of tags are the few lines in `tags.py`.
"""
