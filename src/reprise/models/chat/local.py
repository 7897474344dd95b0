"""A language model on this machine."""

from __future__ import annotations

from typing import Any

from reprise.models.chat.contract import Answer, ChatError, Messages


class LocalChat:
    """A causal language model on this machine, answering greedily.

    Parameters
    ----------
    model_name : see `reprise.models.language.load_language_model`; loaded with the first message.
    device : where it runs.
    """

    def __init__(self, model_name: str = "smollm2-135m-instruct", *, device: str = "cpu"):
        self.name, self.device = model_name, device
        self._loaded: tuple[Any, Any] | None = None

    def complete(self, messages: Messages, *, max_tokens: int = 300) -> str:
        """Generate an answer.

        Raises
        ------
        ChatError
            If the messages and the answer do not fit into the model's window.
        MissingPackageError
            If the model is not installed.
        """
        import torch

        from reprise.models.language import load_language_model

        if self._loaded is None:
            self._loaded = load_language_model(self.name, device=self.device)
        model: Any
        tokenizer: Any
        model, tokenizer = self._loaded
        text = tokenizer.apply_chat_template(
            [dict(message) for message in messages], tokenize=False, add_generation_prompt=True
        )
        ids = tokenizer(text, return_tensors="pt", add_special_tokens=False).input_ids.to(self.device)
        window = model.config.max_position_embeddings
        if ids.shape[1] + max_tokens > window:
            raise ChatError(f"{ids.shape[1]} tokens and an answer of {max_tokens} exceed the window of {window}.")
        with torch.inference_mode():
            written = model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=max_tokens,
                do_sample=False,
                pad_token_id=tokenizer.eos_token_id,
            )
        answer = Answer(tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True).strip())
        answer.prompt_tokens, answer.answer_tokens = ids.shape[1], written.shape[1] - ids.shape[1]
        return answer

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_loaded": None}
