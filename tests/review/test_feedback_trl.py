"""Examples looked at as TRL's trainers do before they train: shape, prompt, chat template, tokens.

That part needs no torch. The tokenizer is a real one, learned from the examples themselves.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from tests.review.test_feedback_datasets import loaded
from tests.review.training import a_hard_month, library, written

CHATML: Final = """
{%- for message in messages -%}
<|im_start|>{{ message.role }}
{{ message.content }}<|im_end|>
{% endfor -%}
{%- if add_generation_prompt -%}<|im_start|>assistant
{% endif -%}
"""


@pytest.fixture
def month(db: None) -> None:
    for name in ("pyarrow", "datasets", "trl"):
        library(name)
    a_hard_month()


@pytest.fixture
def chats(month: None, tmp_path: Path) -> Any:
    return loaded(written(tmp_path, "sft"))


@pytest.fixture
def pairs(month: None, tmp_path: Path) -> Any:
    return loaded(written(tmp_path, "preference-trl"))


@pytest.fixture
def judged(month: None, tmp_path: Path) -> Any:
    return loaded(written(tmp_path, "kto"))


@pytest.fixture
def tokenizer(chats: Any) -> Any:
    tokenizers, transformers = library("tokenizers"), library("transformers")
    learned = tokenizers.ByteLevelBPETokenizer()
    texts = [message["content"] for row in chats for message in row["messages"]]
    marks = ["<|im_start|>", "<|im_end|>"]
    learned.train_from_iterator(texts, vocab_size=400, special_tokens=marks)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=learned._tokenizer, chat_template=CHATML.strip("\n"), eos_token=marks[1]
    )


def test_a_chat_becomes_the_text_that_ends_with_the_answer(chats: Any, tokenizer: Any) -> None:
    trl = library("trl")

    for row in chats:
        assert trl.is_conversational(row)
        (text,) = trl.apply_chat_template(row, tokenizer).values()
        answer = row["messages"][-1]["content"]
        assert text.endswith(f"<|im_start|>assistant\n{answer}<|im_end|>\n")
        tokens = tokenizer.apply_chat_template(row["messages"])["input_ids"]
        assert tokenizer.decode(tokens) == text
    assert {len(row["messages"]) for row in chats} == {2, 3}


def test_a_pair_has_its_prompt_and_two_answers(pairs: Any, tokenizer: Any) -> None:
    trl = library("trl")
    (row,) = pairs

    assert trl.maybe_extract_prompt(row) == row
    sides = ("chosen", "rejected")
    whole = {side: row["prompt"] + row[side] for side in sides}
    assert trl.extract_prompt(whole) == {key: row[key] for key in ("prompt", *sides)}
    said = trl.apply_chat_template(row, tokenizer)
    assert said["prompt"].endswith("<|im_start|>assistant\n")
    for side in sides:
        assert said[side] == f"{row[side][0]['content']}<|im_end|>\n"


def test_a_judgement_keeps_its_label_and_its_prompt(judged: Any, tokenizer: Any) -> None:
    trl = library("trl")

    assert trl.maybe_unpair_preference_dataset(judged) is judged
    for row in judged:
        said = trl.apply_chat_template(row, tokenizer)
        assert said["label"] is row["label"]
        assert said["completion"] == f"{row['completion'][0]['content']}<|im_end|>\n"
        begun = tokenizer.apply_chat_template(row["prompt"], add_generation_prompt=True)
        whole = tokenizer.apply_chat_template(row["prompt"] + row["completion"])
        size = len(begun["input_ids"])
        assert whole["input_ids"][:size] == begun["input_ids"]
        assert tokenizer.decode(whole["input_ids"][size:]) == said["completion"]
    assert {row["label"] for row in judged} == {True, False}


def test_pairs_and_judgements_train_together(pairs: Any, judged: Any) -> None:
    unpaired = library("trl").unpair_preference_dataset(pairs.remove_columns("metadata"))

    both = library("datasets").concatenate_datasets([unpaired, judged.remove_columns("metadata")])

    assert both.features == judged.remove_columns("metadata").features
    assert sorted(both["label"]) == [False, False, True, True]
