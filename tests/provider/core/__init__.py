"""Tests of the provider machine: these events in, exactly these effects out."""
