"""Tasks without Python: one YAML file says what is asked, what is right, and how answers are rewarded."""

from vrft.tasks.defined.defined_task import DefinedTask, load_definition

__all__ = ["DefinedTask", "load_definition"]
