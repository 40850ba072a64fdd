"""A stand-in for Tencent Cloud on loopback: real wire protocols, bytes and intermediate states.

It is a separate process and imports nothing of the console; the console cannot tell it from the
cloud.
"""
