"""The words shared by the tasks' prompts: the two forms of asking for an answer in tags."""

from __future__ import annotations

from vrft.types import Form


def answer_instructions(example_answer: str, form: Form) -> str:
    """The closing lines of the detection and classification prompts.

    Args:
        example_answer: what the prompt shows between the answer tags.
        form: ``THINK`` gives the paper's words (Visual-RFT, Table 1, as its released evaluation has them: no
            space between "tags." and "The"); ``DIRECT`` is the same without thinking.
    """
    if form is Form.THINK:
        return (
            "Output the thinking process in <think> </think> and final answer in <answer> </answer> tags."
            "The output answer format should be as follows:\n"
            f"<think> ... </think> <answer>{example_answer}</answer>\n"
            "Please strictly follow the format."
        )
    return (
        "Output the final answer in <answer> </answer> tags."
        "The output answer format should be as follows:\n"
        f"<answer>{example_answer}</answer>\n"
        "Please strictly follow the format."
    )


def in_tags(content: str, thought: str, form: Form) -> str:
    """A whole answer: the content in its tags, after a thought where the form asks for one."""
    answer = f"<answer>{content}</answer>"
    return f"<think> {thought} </think> {answer}" if form is Form.THINK else answer
