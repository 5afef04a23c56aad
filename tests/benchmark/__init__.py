"""What a round costs: CPU and bytes at gateway and provider, beside plain MQTT in the same run."""
