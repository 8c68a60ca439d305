"""Values as HCL, in the layout of ``terraform fmt``."""

from __future__ import annotations

from worker.aws_setup.templates.expression import Expression
from worker.aws_setup.templates.hcl_text import Block, block_text, encoded


def test_signs_of_neighbouring_lines_stand_below_each_other() -> None:
    block = Block(
        'resource "a" "b"',
        {
            "id": Expression("x.id"),
            "longer": True,
            "policy": encoded({"Version": "1", "aws:SourceArn": ["x", "y"]}),
            "z": 1,
        },
        blocks=(Block("queue", {"events": []}),),
        last={"depends_on": [Expression("x.y")]},
    )
    assert (
        block_text(block)
        == """\
resource "a" "b" {
  id     = x.id
  longer = true
  policy = jsonencode({
    Version         = "1"
    "aws:SourceArn" = ["x", "y"]
  })
  z = 1

  queue {
    events = []
  }

  depends_on = [x.y]
}"""
    )


def test_text_is_no_template() -> None:
    text = block_text(Block("x", {"a": '${b} %{c} "d"'}))
    assert r'a = "$${b} %%{c} \"d\""' in text
