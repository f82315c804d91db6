"""When a chain computes what labels do not hold: RFT against SFT, rejection sampling and controls."""
