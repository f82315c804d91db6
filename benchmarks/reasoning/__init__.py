"""When the answer has to be worked out: RFT against SFT, rejection sampling and controls."""
