"""`recnet gc`: delete checkpoints that nobody needs."""

from workflows.commands.console import AsJson, counted, execute, output


def gc(as_json: AsJson = False) -> None:
    """Delete the checkpoints of finished runs. Stopped runs keep theirs to resume from."""
    found = execute(lambda recnet: recnet.delete_finished_checkpoints())
    deleted, kept = counted(found.deleted, "finished run"), counted(found.kept, "other")
    output(found, as_json, lambda _: f"deleted the checkpoints of {deleted}, kept those of {kept}")
