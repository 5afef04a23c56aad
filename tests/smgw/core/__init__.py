"""Tests of the member machine: these events in, exactly these effects out."""
