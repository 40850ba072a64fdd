"""The AUTOMATIC1111 web UI of one pod: its HTTP API over the model files that are mounted."""
