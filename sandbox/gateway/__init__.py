"""Cloud-native gateways: a real proxy, Konga and the Kong Admin API on one configuration."""
