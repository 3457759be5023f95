"""Operations on post-call questions.

Written by ``tools/make_client.py`` from the API's OpenAPI document; don't edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from offhook.client import shapes
from offhook.client.request import UNSET, Page, Unset, build, read_data, read_page, segment
from offhook.client.transport import Transport


class PostCallQuestionsMethods(Transport):
    """What can be done with post-call questions."""

    def list_post_call_questions(self, agent_id: str) -> Page[shapes.PostCallQuestion]:
        """The agent's questions, in the order in which they were made."""
        request = build("GET", f"/v1/agents/{segment(agent_id)}/post-call-questions")
        return read_page(self.send(request), shapes.PostCallQuestion)

    def save_post_call_questions(
        self, agent_id: str, *, questions: Sequence[Mapping[str, Any]]
    ) -> list[shapes.PostCallQuestion]:
        """Make questions, and change those that are named by id."""
        request = build("POST", f"/v1/agents/{segment(agent_id)}/post-call-questions", body={"questions": questions})
        return read_data(self.send(request), list[shapes.PostCallQuestion])

    def get_post_call_question(self, agent_id: str, question_id: str) -> shapes.PostCallQuestion:
        """One question."""
        request = build("GET", f"/v1/agents/{segment(agent_id)}/post-call-questions/{segment(question_id)}")
        return read_data(self.send(request), shapes.PostCallQuestion)

    def change_post_call_question(
        self,
        agent_id: str,
        question_id: str,
        *,
        name: str | Unset | None = UNSET,
        description: str | Unset | None = UNSET,
        type: shapes.QuestionType | Unset | None = UNSET,
        optional: bool | Unset | None = UNSET,
        model: str | Unset | None = UNSET,
        examples: Sequence[str] | Unset | None = UNSET,
        options: Sequence[Mapping[str, Any]] | Unset | None = UNSET,
        is_active: bool | Unset | None = UNSET,
    ) -> shapes.PostCallQuestion:
        """Change a question, from the next call's end on; answers that calls have already stay as they are."""
        request = build(
            "PATCH",
            f"/v1/agents/{segment(agent_id)}/post-call-questions/{segment(question_id)}",
            body={
                "name": name,
                "description": description,
                "type": type,
                "optional": optional,
                "model": model,
                "examples": examples,
                "options": options,
                "is_active": is_active,
            },
        )
        return read_data(self.send(request), shapes.PostCallQuestion)

    def delete_post_call_question(self, agent_id: str, question_id: str) -> None:
        """Ask it no more; answers that calls have stay in their records."""
        request = build("DELETE", f"/v1/agents/{segment(agent_id)}/post-call-questions/{segment(question_id)}")
        self.send(request)
