"""Post-call questions of agents."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from offhook.agents.questions import Option, Question, QuestionType
from offhook.errors import NotFoundError
from offhook.store import audit
from offhook.store.database import Database
from offhook.store.tables import agents, post_call_questions

Decide = Callable[[list[Question]], Sequence[Question]]


class PostCallQuestions:
    """Questions of all agents. Every method but ``of_agent`` raises NotFoundError for another organization's agent."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, organization_id: str, agent_id: str) -> list[Question]:
        """An agent's questions, in the order in which they were made."""
        with self._database.read() as connection:
            _must(connection, organization_id, agent_id)
            return _questions(connection, agent_id)

    def of_agent(self, agent_id: str) -> list[Question]:
        """The same of an agent that may be deleted by now: calls it had may still be asked."""
        with self._database.read() as connection:
            return _questions(connection, agent_id)

    def get(self, organization_id: str, agent_id: str, question_id: str) -> Question:
        """One question. Raises NotFoundError."""
        found = next((each for each in self.all(organization_id, agent_id) if each.id == question_id), None)
        if found is None:
            raise NotFoundError(f"this agent has no question {question_id}")
        return found

    def save(self, organization_id: str, agent_id: str, decide: Decide) -> list[Question]:
        """Make and change questions in one transaction: ``decide`` sees those that are there and gives those to store.

        Raises what ``decide`` raises; then nothing has changed.
        """
        with self._database.write() as connection:
            _must(connection, organization_id, agent_id, lock=True)
            before = _questions(connection, agent_id)
            known = {question.id for question in before}
            stored = list(decide(before))
            for question in stored:
                row = {**_row(question), "agent_id": agent_id}
                if question.id in known:
                    columns = post_call_questions.c
                    connection.execute(update(post_call_questions).where(columns.id == question.id), row)
                else:
                    connection.execute(insert(post_call_questions), row)
            if stored:
                ids = [question.id for question in stored]
                audit.note(connection, organization_id, "agent.questions_saved", agent_id, question_ids=ids)
            return stored

    def delete(self, organization_id: str, agent_id: str, question_id: str) -> None:
        """Ask it no more; answers it had stay in their calls' records. Raises NotFoundError."""
        columns = post_call_questions.c
        with self._database.write() as connection:
            _must(connection, organization_id, agent_id)
            gone = connection.execute(
                delete(post_call_questions).where(columns.id == question_id, columns.agent_id == agent_id)
            )
            if not gone.rowcount:
                raise NotFoundError(f"this agent has no question {question_id}")
            audit.note(connection, organization_id, "agent.question_deleted", agent_id, question_id=question_id)


def _must(connection: Connection, organization_id: str, agent_id: str, *, lock: bool = False) -> None:
    query = select(agents.c.id).where(
        agents.c.id == agent_id, agents.c.organization_id == organization_id, agents.c.deleted_us.is_(None)
    )
    # Two changes at once must not both find room for the last question.
    if connection.execute(query.with_for_update() if lock else query).first() is None:
        raise NotFoundError(f"no agent {agent_id}")


def _questions(connection: Connection, agent_id: str) -> list[Question]:
    columns = post_call_questions.c
    query = select(post_call_questions).where(columns.agent_id == agent_id).order_by(columns.created_us, columns.id)
    return [_question(row) for row in connection.execute(query)]


def _question(row: Row[Any]) -> Question:
    return Question(
        row.id, row.name, row.description, QuestionType(row.type), row.created_us, row.updated_us,
        optional=row.optional, model=row.model, examples=tuple(row.examples),
        options=tuple(Option(**each) for each in row.options), active=row.active,
    )  # fmt: skip


def _row(question: Question) -> dict[str, Any]:
    row = {each.name: getattr(question, each.name) for each in dataclasses.fields(question)}
    return row | {
        "type": question.type.value,
        "examples": list(question.examples),
        "options": [dataclasses.asdict(option) for option in question.options],
    }
