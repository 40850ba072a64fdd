"""COS: the XML API of object storage, with real bytes on disk."""
