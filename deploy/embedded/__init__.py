"""The whole console on one machine, with nothing to install or configure before `make run`."""
