"""The architectures that every test of policies and engine runs on."""

FAMILY_NAMES = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl")
