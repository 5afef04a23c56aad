"""The bus: Mosquitto's configuration and process, and the one MQTT client."""
