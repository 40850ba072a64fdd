"""CI: moderation of images, on the same port as COS."""
